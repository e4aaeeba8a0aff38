"""The modules in the nets that a container is tested with: its author's own if there are any, else ours.

A container may require more of its modules than the sheet: that they derive from its author's base class, or
keep their inputs. So the author's classes are tried first, then ours, then ours with the author's base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diynn.checking.contract.candidate import Candidate, Partner
from diynn.checking.contract.class_info import ClassInfo
from diynn.checking.contract.instance import HostInterface, Instance, as_array, find_gradients
from diynn.checking.contract.kinds import Setup
from diynn.checking.contract.paths import Path, rank
from diynn.checking.contract.raised import CannotBuild, Raised

_ADD = ("add", "add_module", "addModule", "append_modules", "append", "add_layer", "ajouter", "append_module")
_SIZES = ((3, 4), (4, 4), (4, 3), (3, 3), (3, 2))


@dataclass
class Stack:
    """Five layers in series, three of them with parameters.

    Parameters
    ----------
    linear : callable
        Builds a linear layer of (inputs, outputs).
    activations : sequence of callables
        Build the layers between; empty to use linear layers there too.
    """

    linear: Callable[[int, int], Instance]
    activations: Sequence[Callable[[], Instance]] = ()
    values: list[dict[Path, np.ndarray]] = field(default_factory=list)

    def build(self) -> list[Instance]:
        """Return five new modules with the parameters of this stack."""
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

    def _write(self, modules: Sequence[Instance], values: Sequence[dict[Path, np.ndarray]]) -> None:
        for module, given in zip(modules, values, strict=True):
            module.write(given)

    # ------------------------------------------------------------ by hand

    def forward_by_hand(self, modules: Sequence[Instance], data: np.ndarray) -> list[np.ndarray]:
        """Return the data and the output of each module in turn."""
        found = [data]
        for module in modules:
            found.append(module.array("forward", found[-1].copy()))
        return found

    def gradients_by_hand(
        self, data: np.ndarray, delta: np.ndarray, values: list[dict[Path, np.ndarray]] | None = None
    ) -> list[np.ndarray]:
        """Return the gradients of the layers with parameters, by the sheet's backward pass."""
        modules = self.build()
        self._write(modules, values or self.values)
        for module in modules:
            module.call_optional("zero_grad")
        inputs = self.forward_by_hand(modules, data)
        for module, seen in zip(reversed(modules), reversed(inputs[:-1]), strict=True):
            module.call_optional("backward_update_gradient", seen.copy(), delta.copy())
            delta = module.array("backward_delta", seen.copy(), delta.copy())
        return self.gradients(modules)

    def step_by_hand(
        self, before: Sequence[np.ndarray], loss: Instance, data: np.ndarray, wanted: np.ndarray
    ) -> list[np.ndarray]:
        """Return the gradients of a loss at the parameters ``before``."""
        values = [self._split(flat, place) for place, flat in enumerate(before)]
        modules = self.build()
        self._write(modules, values)
        output = self.forward_by_hand(modules, data)[-1]
        loss.call("forward", wanted.copy(), output.copy())
        delta = as_array("backward", loss.call("backward", wanted.copy(), output.copy()))
        return self.gradients_by_hand(data, delta, values)

    # ------------------------------------------------------------ its arrays, one flat array a layer

    def parameters(self, modules: Sequence[Instance]) -> list[np.ndarray]:
        """Return the parameters of all five layers."""
        found = []
        for module, values in zip(modules, self.values, strict=True):
            arrays = module.arrays()
            parts = [np.asarray(arrays[path], float).ravel() for path in values]
            found.append(np.concatenate([*parts, np.zeros(0)]))
        return found

    def gradients(self, modules: Sequence[Instance]) -> list[np.ndarray]:
        """Return the gradients of the first, third and fifth layer; zeros for one that has none yet."""
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


def stacks(candidate: Candidate) -> Iterator[Stack]:
    """Yield the author's own modules, if they run; ours; and ours with the author's base class."""
    linear = candidate.partners.get("Linear")
    if linear is not None:
        own = [candidate.partners[name] for name in ("Tanh", "Sigmoid", "ReLU") if name in candidate.partners]
        stack = Stack(_linear_of(linear), [_activation_of(own[0])] * 2 if own else ())
        if _runs(stack):
            yield stack
    for base in ("", *candidate.bases):
        yield Stack(
            _our_linear(candidate.host, base),
            [_ours(candidate.host, name, base) for name in ("Tanh", "Sigmoid")],
        )


def _runs(stack: Stack) -> bool:
    try:
        found = stack.gradients_by_hand(np.ones((2, 3)), np.ones((2, 2)))
    except (Raised, CannotBuild):
        return False
    return all(np.any(each) for each in found)


def _linear_of(partner: Partner) -> Callable[[int, int], Instance]:
    def make(inputs: int, outputs: int) -> Instance:
        return partner.make(Setup({"in_features": inputs, "out_features": outputs}, (2, inputs)))

    return make


def _activation_of(partner: Partner) -> Callable[[], Instance]:
    return lambda: partner.make(Setup({}, (2, 3)))


def _our_linear(host: HostInterface, base: str) -> Callable[[int, int], Instance]:
    return lambda inputs, outputs: Instance.build(host, _our_info("Linear", base), [inputs, outputs])


def _ours(host: HostInterface, name: str, base: str) -> Callable[[], Instance]:
    return lambda: Instance.build(host, _our_info(name, base))


def _our_info(name: str, base: str) -> ClassInfo:
    return ClassInfo(f"diynn.{name} as {base}" if base else f"diynn.{name}")


def net_output(net: Instance, data: np.ndarray) -> np.ndarray:
    """Return the output of a net: the last entry, if it returns the outputs of all its modules."""
    answer = net.call("forward", data)
    return as_array("forward", answer[-1] if isinstance(answer, list) and answer else answer)


@dataclass
class NetBuilder:
    """Builds nets of modules: from a list, from arguments, or by adding them one by one."""

    host: HostInterface
    info: ClassInfo
    stack: Stack
    way: str

    @classmethod
    def find(cls, host: HostInterface, info: ClassInfo, stack: Stack) -> NetBuilder:
        """Return a builder of the first way that works.

        Raises
        ------
        Raised
            If none of them does.
        """
        builds: NetBuilder | None = None
        problem: Raised | None = None
        for way in ("list", "arguments", "adding"):
            builder = cls(host, info, stack, way)
            try:
                net = builder.net()
            except (CannotBuild, Raised):
                continue
            builds = builds or builder
            try:
                if net_output(net, np.ones((2, 3))).shape == (2, 2):
                    return builder
            except Raised as error:
                problem = problem or error
        if builds is not None:  # it can be built but does not run: the caller reports that
            return builds
        raise problem or Raised("__init__", "cannot_chain")

    def net(self) -> Instance:
        """Return a new net."""
        return self.net_and_modules()[0]

    def net_and_modules(self) -> tuple[Instance, list[Instance]]:
        """Return a new net, and the modules in it."""
        modules = self.stack.build()
        things: list[Any] = [module.handle for module in modules]
        if self.way == "list":
            return Instance.build(self.host, self.info, [things]), modules
        if self.way == "arguments":
            return Instance.build(self.host, self.info, things), modules
        try:
            net = Instance.build(self.host, self.info)
        except CannotBuild:
            net = Instance.build(self.host, self.info, [[]])
        add = next((name for name in _ADD if not net.missing_methods(name)), None)
        if add is None:
            raise Raised("__init__", "cannot_chain")
        for thing in things:
            net.call(add, thing)
        return net, modules
