"""The modules that a container is tried with: its author's own where there are any, else ours.

A container may ask more of its modules than the sheet does: that they derive from its author's own base
class, or keep what they were given. So its author's own classes come first, ours come second, and last
ours derived from the author's base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diynn.checking.contract.cards import Card
from diynn.checking.contract.kinds import Setup
from diynn.checking.contract.paths import Path, rank
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.subject import Door, Subject, as_array, find_gradients
from diynn.checking.contract.target import Partner, Target

_ADD = ("add", "add_module", "addModule", "append_modules", "append", "add_layer", "ajouter", "append_module")
_SIZES = ((3, 4), (4, 4), (4, 3), (3, 3), (3, 2))


@dataclass
class Wall:
    """Five layers, three of them with parameters, of one make.

    Parameters
    ----------
    linear : callable
        Builds a linear layer of (inputs, outputs).
    activations : sequence of callables
        Build what stands between; empty where the author has none, and linear layers do it.
    """

    linear: Callable[[int, int], Subject]
    activations: Sequence[Callable[[], Subject]] = ()
    values: list[dict[Path, np.ndarray]] = field(default_factory=list)

    def lay(self) -> list[Subject]:
        """Return five new modules with the parameters of this wall."""
        modules = [
            self.activations[place // 2]() if self.activations and place % 2 else self.linear(*sizes)
            for place, sizes in enumerate(_SIZES)
        ]
        if not self.values:
            rng = np.random.default_rng(0)
            for module in modules:
                held = {path: array for path, array in module.arrays().items() if rank(path) < 2}
                self.values.append({path: rng.normal(size=array.shape) for path, array in held.items()})
            if not all(self.values[::2]):
                raise Raised("__init__", "no_parameters")
        self._write(modules, self.values)
        return modules

    def _write(self, modules: Sequence[Subject], values: Sequence[dict[Path, np.ndarray]]) -> None:
        for module, given in zip(modules, values, strict=True):
            module.write(given)

    # ------------------------------------------------------------ by hand

    def forward_by_hand(self, modules: Sequence[Subject], data: np.ndarray) -> list[np.ndarray]:
        """Return the data and the output of each module, called one after the other."""
        found = [data]
        for module in modules:
            found.append(module.array("forward", found[-1].copy()))
        return found

    def gradients_by_hand(
        self, data: np.ndarray, delta: np.ndarray, values: list[dict[Path, np.ndarray]] | None = None
    ) -> list[np.ndarray]:
        """Return the gradient of each layer that learns, walked back to as the sheet says."""
        modules = self.lay()
        self._write(modules, values or self.values)
        for module in modules:
            module.harmless("zero_grad")
        inputs = self.forward_by_hand(modules, data)
        for module, seen in zip(reversed(modules), reversed(inputs[:-1]), strict=True):
            module.harmless("backward_update_gradient", seen.copy(), delta.copy())
            delta = module.array("backward_delta", seen.copy(), delta.copy())
        return self.gradients(modules)

    def step_by_hand(
        self, before: Sequence[np.ndarray], loss: Subject, data: np.ndarray, wanted: np.ndarray
    ) -> list[np.ndarray]:
        """Return the gradients of a loss at the parameters ``before``."""
        values = [self._split(flat, place) for place, flat in enumerate(before)]
        modules = self.lay()
        self._write(modules, values)
        output = self.forward_by_hand(modules, data)[-1]
        loss.call("forward", wanted.copy(), output.copy())
        delta = as_array("backward", loss.call("backward", wanted.copy(), output.copy()))
        return self.gradients_by_hand(data, delta, values)

    # ------------------------------------------------------------ its arrays, one flat array a layer

    def parameters(self, modules: Sequence[Subject]) -> list[np.ndarray]:
        """Return the parameters of all five layers."""
        found = []
        for module, values in zip(modules, self.values, strict=True):
            arrays = module.arrays()
            parts = [np.asarray(arrays[path], float).ravel() for path in values]
            found.append(np.concatenate([*parts, np.zeros(0)]))
        return found

    def gradients(self, modules: Sequence[Subject]) -> list[np.ndarray]:
        """Return the gradients of the first, third and fifth layer; zeros where one keeps none yet."""
        found = []
        for module, values in zip(modules[::2], self.values[::2], strict=True):
            arrays = module.arrays()
            pairs = find_gradients(arrays, list(values))
            parts = [
                np.asarray(arrays[pairs[path]], float).ravel() if path in pairs else np.zeros(value.size)
                for path, value in values.items()
            ]
            found.append(np.concatenate(parts))
        return found

    def _split(self, flat: np.ndarray, place: int) -> dict[Path, np.ndarray]:
        found, start = {}, 0
        for path, value in self.values[place].items():
            found[path] = flat[start : start + value.size].reshape(value.shape)
            start += value.size
        return found


def walls(target: Target) -> Iterator[Wall]:
    """Yield the author's own modules, if they run by hand; ours; and ours with the author's base class."""
    linear = target.partners.get("Linear")
    if linear is not None:
        own = [target.partners[name] for name in ("Tanh", "Sigmoid", "ReLU") if name in target.partners]
        wall = Wall(_linear_of(linear), [_activation_of(own[0])] * 2 if own else ())
        if _runs(wall):
            yield wall
    for base in ("", *target.bases):
        yield Wall(
            _our_linear(target.host, base), [_ours(target.host, name, base) for name in ("Tanh", "Sigmoid")]
        )


def _runs(wall: Wall) -> bool:
    try:
        found = wall.gradients_by_hand(np.ones((2, 3)), np.ones((2, 2)))
    except (Raised, CannotBuild):
        return False
    return all(np.any(each) for each in found)


def _linear_of(partner: Partner) -> Callable[[int, int], Subject]:
    def make(inputs: int, outputs: int) -> Subject:
        return partner.make(Setup({"in_features": inputs, "out_features": outputs}, (2, inputs)))

    return make


def _activation_of(partner: Partner) -> Callable[[], Subject]:
    return lambda: partner.make(Setup({}, (2, 3)))


def _our_linear(host: Door, base: str) -> Callable[[int, int], Subject]:
    return lambda inputs, outputs: Subject.build(host, _our_card("Linear", base), [inputs, outputs])


def _ours(host: Door, name: str, base: str) -> Callable[[], Subject]:
    return lambda: Subject.build(host, _our_card(name, base))


def _our_card(name: str, base: str) -> Card:
    return Card(f"diynn.{name} as {base}" if base else f"diynn.{name}")


@dataclass
class Chain:
    """A way to make a net of modules: from a list, from arguments, or by adding them one by one."""

    host: Door
    card: Card
    wall: Wall
    way: str

    @classmethod
    def find(cls, host: Door, card: Card, wall: Wall) -> Chain:
        """Return the way that works.

        Raises
        ------
        Raised
            If none of them does.
        """
        builds: Chain | None = None
        problem: Raised | None = None
        for way in ("list", "arguments", "adding"):
            chain = cls(host, card, wall, way)
            try:
                net = chain.net()
            except (CannotBuild, Raised):
                continue
            builds = builds or chain
            try:
                answer: Any = net.call("forward", np.ones((2, 3)))
                answer = answer[-1] if isinstance(answer, list) and answer else answer
                if as_array("forward", answer).shape == (2, 2):
                    return chain
            except Raised as error:
                problem = problem or error
        if builds is not None:  # it is built and does not run: let that be seen
            return builds
        raise problem or Raised("__init__", "cannot_chain")

    def net(self) -> Subject:
        """Return a new net."""
        return self.net_and_modules()[0]

    def net_and_modules(self) -> tuple[Subject, list[Subject]]:
        """Return a new net, and the modules in it."""
        modules = self.wall.lay()
        things: list[Any] = [module.thing for module in modules]
        if self.way == "list":
            return Subject.build(self.host, self.card, [things]), modules
        if self.way == "arguments":
            return Subject.build(self.host, self.card, things), modules
        try:
            net = Subject.build(self.host, self.card)
        except CannotBuild:
            net = Subject.build(self.host, self.card, [[]])
        add = next((name for name in _ADD if not net.lacking(name)), None)
        if add is None:
            raise Raised("__init__", "cannot_chain")
        for thing in things:
            net.call(add, thing)
        return net, modules
