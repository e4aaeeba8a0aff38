"""A trial of a module: how it is built, its parameters, its data and its delta."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from diynn.checking.contract import numeric
from diynn.checking.contract.candidate import Factory
from diynn.checking.contract.instance import Instance, find_gradients, find_parameters
from diynn.checking.contract.kinds import Kind, Setup, reference
from diynn.checking.contract.layouts import Layout, Parts, split
from diynn.checking.contract.paths import Path, spell
from diynn.checking.contract.raised import Raised
from diynn.checking.diagnosis.closeness import close


@dataclass
class Fixture:
    """What the trials of one setup share: how modules are built, the paths and layout of their parameters.

    Parameters
    ----------
    make : callable
        Builds an instance for a setup.
    kind : Kind
    setup : Setup
    redraw : bool
        Whether the parameters are replaced by random ones; else noise is added to them.
    """

    make: Factory
    kind: Kind
    setup: Setup
    redraw: bool = True
    paths: list[Path] = field(default_factory=list)
    gradients: dict[Path, Path] = field(default_factory=dict)
    layout: Layout | None = None
    _single: bool | None = None

    def learn(self, data: np.ndarray, rng: np.random.Generator) -> dict[Path, np.ndarray]:
        """Find the parameters of a module of this setup; return random values for them."""
        instance = self.build()
        output = instance.array("forward", data.copy())

        def changes_output(path: Path) -> bool:
            old = instance.read(path).astype(float)
            try:
                instance.write({path: old + rng.uniform(0.5, 1.0, old.shape)})
                changed = instance.array("forward", data.copy())
            except Raised:
                return False
            finally:
                instance.write({path: old})
            return changed.shape == output.shape and not np.allclose(changed, output)

        self.paths = find_parameters(instance, changes_output)
        drawn = {}
        for path in self.paths:
            old = instance.read(path).astype(float)
            drawn[path] = (
                rng.normal(size=old.shape) if self.redraw else old + 0.1 * rng.normal(size=old.shape)
            )
        return drawn

    def build(self, values: Mapping[Path, np.ndarray] | None = None) -> Instance:
        """Return a new instance, with these parameters."""
        return self.make(self.setup, values)

    def single(self, trial: Trial) -> bool:
        """Return whether these modules compute, or keep their gradients, in single precision."""
        if self._single is None:
            instance = trial.fresh()
            direction = np.random.default_rng(0).normal(size=trial.data.shape)
            precision = numeric.precision_of(lambda x: trial.forward(instance, x), trial.data, direction)
            kept = any(array.dtype == np.float32 for array in instance.arrays().values())
            self._single = kept or precision is numeric.SINGLE
        return self._single


@dataclass
class Trial:
    """One trial. Every property starts from a new module in it.

    Parameters
    ----------
    fixture : Fixture
    values : dict
        The parameters, by their path.
    data, delta : array
    """

    fixture: Fixture
    values: Mapping[Path, np.ndarray]
    data: np.ndarray
    delta: np.ndarray
    seed: int = 0

    # ------------------------------------------------------------ a module and its calls

    def fresh(self) -> Instance:
        """Return a new module with the parameters of this trial."""
        instance = self.fixture.build(self.values)
        if not instance.complete:
            instance.call("forward", self.data.copy())  # some classes create their parameters here
            instance.write(self.values)
        return instance

    def forward(self, instance: Instance, data: np.ndarray | None = None) -> np.ndarray:
        """Return the output of ``forward``, called with a copy of the data."""
        return instance.array("forward", (self.data if data is None else data).copy())

    def backward_delta(self, instance: Instance) -> np.ndarray:
        """Return the output of ``backward_delta``, called with copies."""
        return instance.array("backward_delta", self.data.copy(), self.delta.copy())

    def update_gradient(self, instance: Instance) -> None:
        """Call ``backward_update_gradient`` with copies."""
        instance.call("backward_update_gradient", self.data.copy(), self.delta.copy())

    def one_gradient(self) -> dict[Path, np.ndarray]:
        """Return the gradient of one backward pass, after ``zero_grad`` and ``forward``."""
        instance = self.fresh()
        instance.call("zero_grad")
        self.forward(instance)
        self.update_gradient(instance)
        return self.gradients(instance)

    def gradients(self, instance: Instance) -> dict[Path, np.ndarray]:
        """Return the gradients of a module by the paths of their parameters."""
        if not self.values:
            return {}
        arrays, pairs = instance.arrays(), self.fixture.gradients
        if not (set(self.values) <= set(pairs) and set(pairs.values()) <= set(arrays)):
            pairs = self.fixture.gradients = find_gradients(arrays, list(self.values))
        for path in self.values:
            if path not in pairs:
                raise Raised("backward_update_gradient", "no_gradient", parameter=spell(path))
        return {path: _floating(arrays[pairs[path]]) for path in self.values}

    # ------------------------------------------------------------ what is right

    def parts(self, arrays: Mapping[Path, np.ndarray]) -> Parts:
        """Return parameters or gradients as ``{"W": ..., "b": ...}``, or by their own names."""
        if self.fixture.layout is not None:
            try:
                parts = self.fixture.layout.read(arrays)
                _, bias = split(arrays)
                if bias is not None and not broadcasts(arrays[bias], self.values[bias]):
                    parts["b"] = arrays[bias]  # keep a wrong shape, to report it
                return parts
            except (ValueError, IndexError):
                pass
        return {spell(path): array for path, array in arrays.items()}

    def reference(self) -> Any:
        """Return diynn's module with the parameters of this trial."""
        parts = self.parts(self.values)
        return reference(self.fixture.kind, self.fixture.setup, parts.get("W"), parts.get("b"))

    def delta_agrees(self, claimed: np.ndarray) -> bool | None:
        """Return whether ``claimed`` is the delta of the module's own forward; None if undecided."""
        instance = self.fresh()
        if self.forward(instance).shape != self.delta.shape:
            return close(claimed, self.numeric_delta()[0]) if self.fixture.kind.name else None
        rng = np.random.default_rng(self.seed)
        verdict = numeric.agrees(claimed, lambda x: self.forward(instance, x), self.data, self.delta, rng)
        if verdict is None:
            right, trusted = self.numeric_delta()
            verdict = close(claimed[trusted], right[trusted]) if trusted.any() else None
        return verdict

    def numeric_delta(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the delta by numerical differentiation, and where it is reliable.

        If the output has a wrong shape, return the delta of our module.
        """
        instance = self.fresh()
        if self.forward(instance).shape != self.delta.shape:
            right = np.asarray(self.reference().backward_delta(self.data, self.delta))
            return right, np.ones(right.shape, dtype=bool)
        return _differentiate(lambda x: self.forward(instance, x), self.data, self.delta, self.seed)

    def gradient_agrees(self, claimed: Mapping[Path, np.ndarray]) -> bool | None:
        """Return whether ``claimed`` is the gradient, by numerical differentiation.

        None if undecided: if the output has a wrong shape, or all directions meet a kink.
        """
        if self.forward(self.fresh()).shape != self.delta.shape:
            return None
        verdict: bool | None = None
        rng = np.random.default_rng(self.seed)
        for path, value in self.values.items():
            if not broadcasts(claimed[path], value):
                return False
            mine = claimed[path].reshape(value.shape)
            judged = numeric.agrees(mine, self._of_parameter(path), value, self.delta, rng)
            if judged is None:
                right, trusted = _differentiate(self._of_parameter(path), value, self.delta, self.seed)
                judged = close(mine[trusted], right[trusted]) if trusted.any() else None
            if judged is False:
                return False
            verdict = verdict or judged
        return verdict

    def is_the_sheets_delta(self, claimed: np.ndarray) -> bool:
        """Return whether ``claimed`` is our module's delta, though the forward may differ from ours."""
        if not self.fixture.kind.name or self.fixture.kind.formula is not None:
            return False
        right = np.asarray(self.reference().backward_delta(self.data.copy(), self.delta.copy()))
        return close(claimed, right)

    def is_the_sheets_gradient(self, claimed: Mapping[Path, np.ndarray]) -> bool:
        """Return the same for the gradients, if the layout of the parameters is known."""
        if self.fixture.layout is None:
            return False
        ours, parts = self.reference(), self.parts(claimed)
        ours.backward_update_gradient(self.data.copy(), self.delta.copy())
        right = {"W": ours._gradient, "b": ours._bias_gradient}
        return set(parts) <= set(right) and all(
            right[name] is not None and close(each, np.asarray(right[name])) for name, each in parts.items()
        )

    def numeric_gradient(self) -> dict[Path, np.ndarray]:
        """Return the gradient by numerical differentiation."""
        return {
            path: _differentiate(self._of_parameter(path), value, self.delta, self.seed)[0]
            for path, value in self.values.items()
        }

    def _of_parameter(self, path: Path) -> Callable[[np.ndarray], np.ndarray]:
        instance = self.fresh()

        def function(value: np.ndarray) -> np.ndarray:
            instance.write({path: value})
            return self.forward(instance)

        return function

    # ------------------------------------------------------------ for the diagnosis and the report

    def facts(self) -> SimpleNamespace:
        """Return the variables of the formulas of known mistakes."""
        arguments = self.fixture.setup.arguments
        facts = SimpleNamespace(
            x=self.data, delta=self.delta, batch=len(self.data),
            k=arguments.get("k_size"), stride=arguments.get("stride"), W=None, b=None,
        )  # fmt: skip
        parts = self.parts(self.values)
        facts.W, facts.b = parts.get("W"), parts.get("b")
        return facts

    def inputs(self) -> dict[str, Any]:
        """Return the inputs that a report shows."""
        shown: dict[str, Any] = {}
        if self.fixture.setup.arguments and self.fixture.kind.name:
            shown["module"] = self.fixture.setup.text(self.fixture.kind.name)
        shown |= {"data": self.data, "delta": self.delta}
        return shown | {spell(path): value for path, value in self.values.items()}

    def smaller(self) -> list[Trial]:
        """Return simpler trials, the simplest first, to shrink a failure."""
        rounded = replace(
            self,
            data=_round(self.data),
            delta=_round(self.delta),
            values={path: _round(value) for path, value in self.values.items()},
        )
        found = [
            replace(start, data=start.data[i : i + 1], delta=start.delta[i : i + 1])
            for start in (rounded, self)
            for i in range(min(len(self.data), 3))
            if len(self.data) > 1
        ]
        return [*found, rounded]


def _round(array: np.ndarray) -> np.ndarray:
    # Offset by 0.1, so that rounding puts no value on a kink.
    return np.round(array * 2) / 2 + np.where(array < 0, -0.1, 0.1)


def _differentiate(
    function: Callable[[np.ndarray], np.ndarray], point: np.ndarray, weights: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    direction = np.random.default_rng(seed).normal(size=point.shape)
    precision = numeric.precision_of(function, point, direction)
    right, trusted, _ = numeric.gradient(function, point, weights, precision)
    return right, trusted


def _floating(array: np.ndarray) -> np.ndarray:
    """Return a copy in float64, or in float32 if it is: the tolerances depend on that."""
    return array.copy() if array.dtype == np.float32 else array.astype(float)


def broadcasts(gradient: np.ndarray, value: np.ndarray) -> bool:
    """Return whether a step along a gradient keeps the parameter's shape, as (1, out) -= (out,) does."""
    return gradient.size == value.size and _joined(gradient, value) == value.shape


def _joined(one: np.ndarray, other: np.ndarray) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(one.shape, other.shape)
    except ValueError:
        return None
