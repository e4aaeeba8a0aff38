"""The modules that a container is tried with: its author's own where there are any, else ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diynn.checking.contract.host import Card
from diynn.checking.contract.kinds import Setup
from diynn.checking.contract.paths import Path, rank
from diynn.checking.contract.raised import CannotBuild, Raised
from diynn.checking.contract.subject import Door, Subject, as_array, find_gradients
from diynn.checking.contract.target import Partner, Target

_ADD = ("add", "add_module", "addModule", "append_modules", "append", "add_layer", "ajouter", "append_module")
_SIZES = ((3, 4), (4, 3), (3, 2))


@dataclass
class Wall:
    """Five layers, three of them with parameters, of one make.

    Parameters
    ----------
    linear : callable
        Builds a linear layer of (inputs, outputs).
    between : tuple of two callables
        Build the activations.
    """

    linear: Callable[[int, int], Subject]
    between: tuple[Callable[[], Subject], Callable[[], Subject]]
    values: list[dict[Path, np.ndarray]] = field(default_factory=list)

    def lay(self) -> list[Subject]:
        """Return five new modules with the parameters of this wall."""
        first, second = (make() for make in self.between)
        linears = [self.linear(*sizes) for sizes in _SIZES]
        if not self.values:
            rng = np.random.default_rng(0)
            for each in linears:
                held = {path: array for path, array in each.arrays().items() if rank(path) < 2}
                if not held:
                    raise Raised("__init__", "no_parameters")
                self.values.append({path: rng.normal(size=array.shape) for path, array in held.items()})
        for each, values in zip(linears, self.values, strict=True):
            for path, value in values.items():
                each.write(path, value)
        return [linears[0], first, linears[1], second, linears[2]]

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
        for module, given in zip(modules[::2], values or (), strict=False):
            for path, value in given.items():
                module.write(path, value)
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
        for module, given in zip(modules[::2], values, strict=True):
            for path, value in given.items():
                module.write(path, value)
        output = self.forward_by_hand(modules, data)[-1]
        loss.call("forward", wanted.copy(), output.copy())
        delta = as_array("backward", loss.call("backward", wanted.copy(), output.copy()))
        return self.gradients_by_hand(data, delta, values)

    # ------------------------------------------------------------ its arrays, one flat array a layer

    def parameters(self, modules: Sequence[Subject]) -> list[np.ndarray]:
        """Return the parameters of each layer that learns."""
        found = []
        for module, values in zip(modules[::2], self.values, strict=True):
            arrays = module.arrays()
            found.append(np.concatenate([np.asarray(arrays[path], float).ravel() for path in values]))
        return found

    def gradients(self, modules: Sequence[Subject]) -> list[np.ndarray]:
        """Return the gradients of each layer that learns; zeros where it keeps none yet."""
        found = []
        for module, values in zip(modules[::2], self.values, strict=True):
            arrays, pairs = module.arrays(), find_gradients(module, list(values))
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
    """Yield the author's own modules, if they run by hand, and ours."""
    host = target.host
    linear = target.partners.get("Linear")
    if linear is not None:
        activation = next(
            (target.partners[name] for name in ("Tanh", "Sigmoid", "ReLU") if name in target.partners), None
        )
        own = Wall(_linear_of(linear), (_activation_of(host, activation, "Tanh"),
                                        _activation_of(host, activation, "Sigmoid")))  # fmt: skip
        try:
            found = own.gradients_by_hand(np.ones((2, 3)), np.ones((2, 2)))
        except (Raised, CannotBuild):
            found = []
        if found and all(np.any(each) for each in found):
            yield own
    ours = [_ours(host, name) for name in ("Tanh", "Sigmoid")]
    yield Wall(lambda inputs, outputs: _ours(host, "Linear", inputs, outputs)(), (ours[0], ours[1]))


def _linear_of(partner: Partner) -> Callable[[int, int], Subject]:
    def make(inputs: int, outputs: int) -> Subject:
        return partner.make(Setup({"in_features": inputs, "out_features": outputs}, (2, inputs)))

    return make


def _activation_of(host: Door, partner: Partner | None, name: str) -> Callable[[], Subject]:
    if partner is None:
        return _ours(host, name)
    own = partner
    return lambda: own.make(Setup({}, (2, 3)))


def _ours(host: Door, name: str, *arguments: int) -> Callable[[], Subject]:
    return lambda: Subject.build(host, Card(f"diynn.{name}"), list(arguments))


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
