"""The properties of modules: what they compute."""

from __future__ import annotations

import numpy as np

from diynn.checking.contract.kinds import shape_after
from diynn.checking.contract.numeric import precision_of
from diynn.checking.contract.paths import Path
from diynn.checking.contract.properties import ROUNDING, module_property, same
from diynn.checking.contract.trial import Trial
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.evidence import Finding


@module_property("shapes", "forward")
def shapes(t: Trial) -> Finding:
    """Require the output shape of the sheet."""
    output = t.forward(t.fresh())
    got, kind = output.shape, t.fixture.kind
    if kind.name and not kind.formula:
        right = shape_after(kind.name, t.data.shape, tuple(t.fixture.setup.arguments.items()))
    else:
        right = (len(t.data), *got[1:])
    return Finding(str(got), str(right), got == right, extra={"output": output})


@module_property("forward", "forward", requires_run=("shapes",))
def forward(t: Trial) -> Finding | None:
    """Require the output of our module with the same parameters."""
    if not t.fixture.kind.name:
        return None
    instance = t.fresh()
    got = t.forward(instance)
    if t.fixture.kind.formula is not None:
        return _by_formula(t, got)
    right = t.reference().forward(t.data)
    tolerance = ROUNDING
    if t.fixture.kind.name and not close(got, right, tolerance):
        direction = np.random.default_rng(t.seed).normal(size=t.data.shape)
        tolerance = max(
            tolerance, precision_of(lambda x: t.forward(instance, x), t.data, direction).epsilon * 1e3
        )
    return Finding(got, right, close(got, right, tolerance))


def _by_formula(t: Trial, got: np.ndarray) -> Finding:
    """Compare with the right outputs of all layouts; another shape is another convention, not a mistake."""
    assert t.fixture.kind.formula is not None
    rights = t.fixture.kind.formula(t.fixture.setup.arguments, t.data, t.values)
    if any(close(got, right, ROUNDING) for right in rights):
        return Finding(got, got, True)
    same_shape = [right for right in rights if right.shape == got.shape]
    if t.fixture.kind.parameters or not same_shape:
        return Finding(got, None, None, message="other_convention")
    return Finding(got, same_shape[0], False)


@module_property("delta", "backward_delta", requires_run=("shapes",))
def delta(t: Trial) -> Finding:
    """Require that ``backward_delta`` is the gradient of ⟨delta, forward(data)⟩ in the data."""
    instance = t.fresh()
    t.forward(instance)  # for a module that caches its input, which the property `order` judges
    got = t.backward_delta(instance)
    right_shape = got.shape == t.data.shape
    fine = t.delta_agrees(got) if right_shape else False
    if fine is False and t.is_the_sheets_delta(got):
        fine = True  # its forward is wrong, which the property `forward` reports
    return Finding(got, lambda: t.numeric_delta()[0], fine)


@module_property("gradient", "backward_update_gradient", requires_run=("shapes",))
def gradient(t: Trial) -> Finding | None:
    """Require that ``backward_update_gradient`` gives the gradient with respect to the parameters."""
    if not t.values:
        if not t.fixture.kind.parameters:
            t.fresh().call_optional("backward_update_gradient", t.data.copy(), t.delta.copy())
        return None
    got = t.one_gradient()
    fine = t.gradient_agrees(got)
    if fine is False and t.is_the_sheets_gradient(got):
        fine = True
    return Finding(t.parts(got), lambda: t.parts(t.numeric_gradient()), fine)


@module_property("linearity", "backward_delta", requires=("delta",))
def linearity(t: Trial) -> Finding:
    """Require that the delta of a sum is the sum of the deltas."""
    instance = t.fresh()
    t.forward(instance)
    other = np.random.default_rng(t.seed).normal(size=t.delta.shape)
    parts = [instance.array("backward_delta", t.data.copy(), each) for each in (t.delta.copy(), other.copy())]
    got = instance.array("backward_delta", t.data.copy(), 2 * t.delta - 3 * other)
    size = float(np.max(2 * np.abs(parts[0]) + 3 * np.abs(parts[1]), initial=0.0))
    return same(got, 2 * parts[0] - 3 * parts[1], size=size)


@module_property("accumulation", "backward_update_gradient", requires_run=("shapes", "gradient"))
def accumulation(t: Trial) -> Finding | None:
    """Require that a second call adds to the gradient of the first."""
    if not t.values:
        return None
    first, second = t.one_gradient(), _other(t).one_gradient()
    instance = t.fresh()
    instance.call("zero_grad")
    for each in (t, _other(t)):
        each.forward(instance)
        each.update_gradient(instance)
    got = t.gradients(instance)
    right = {path: first[path] + second[path] for path in first}
    sizes = {path: _largest(np.abs(first[path]) + np.abs(second[path])) for path in first}
    return _parts_same(t, got, right, sizes, first=t.parts(first), second=t.parts(second))


@module_property("zero_grad", "zero_grad", requires_run=("shapes", "gradient"))
def zero_grad(t: Trial) -> Finding | None:
    """Require that after ``zero_grad`` the gradient starts from zero."""
    if not t.values:
        t.fresh().call_optional("zero_grad")
        return None
    right = t.one_gradient()
    instance = t.fresh()
    instance.call("zero_grad")
    t.forward(instance)
    t.update_gradient(instance)
    instance.call("zero_grad")
    t.forward(instance)
    t.update_gradient(instance)
    return _parts_same(t, t.gradients(instance), right, {})


@module_property(
    "additivity", "backward_update_gradient", requires=("gradient",), requires_run=("accumulation",)
)
def additivity(t: Trial) -> Finding | None:
    """Require that the gradient of a batch is the sum of the gradients of its examples."""
    if not t.values or len(t.data) < 2:
        return None
    singles = [_examples(t, i, i + 1).one_gradient() for i in range(len(t.data))]
    right = {path: np.sum([each[path] for each in singles], axis=0) for path in t.values}
    sizes = {path: _largest(np.sum([np.abs(each[path]) for each in singles], axis=0)) for path in t.values}
    return _parts_same(t, t.one_gradient(), right, sizes)


@module_property("independence", "forward", requires_run=("shapes",))
def independence(t: Trial) -> Finding | None:
    """Require that each example's output and delta depend on that example alone."""
    if len(t.data) < 2:
        return None
    whole, parts = t.fresh(), [_examples(t, i, i + 1) for i in range(len(t.data))]
    got = t.forward(whole)
    each = [part.forward(part.fresh()) for part in parts]
    return same(got, np.concatenate(each) if all(part.shape for part in each) else np.array(each))


def _other(t: Trial) -> Trial:
    """Return a trial of the same parameters with other data."""
    rng = np.random.default_rng(t.seed + 1)
    data = t.fixture.kind.draw(rng, t.data.shape)
    return Trial(t.fixture, t.values, data, rng.normal(size=t.delta.shape), t.seed)


def _examples(t: Trial, start: int, stop: int) -> Trial:
    return Trial(t.fixture, t.values, t.data[start:stop], t.delta[start:stop], t.seed)


def _largest(array: np.ndarray) -> float:
    return float(np.max(array, initial=0.0))


def _parts_same(
    t: Trial,
    got: dict[Path, np.ndarray],
    right: dict[Path, np.ndarray],
    sizes: dict[Path, float],
    **extra: object,
) -> Finding:
    """Compare gradients, relative to their largest value or to ``sizes``, those of the terms summed."""
    # Gradients may be computed in float32 beside parameters in float64.
    relative = 1e-5 if t.fixture.single(t) else ROUNDING
    fine = all(close(got[path], right[path], relative, size=sizes.get(path, 0.0)) for path in right)
    return Finding(t.parts(got), t.parts(right), fine, extra=extra)
