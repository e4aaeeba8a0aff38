"""The properties of modules: side effects, order of calls, dtypes, extremes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diynn.checking.contract.paths import Path
from diynn.checking.contract.properties import ROUNDING, module_property, mutated, same
from diynn.checking.contract.raised import Raised
from diynn.checking.contract.trial import Trial, broadcasts
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.evidence import Finding


@module_property("unchanged", "forward", requires_run=("shapes", "delta"))
def unchanged(t: Trial) -> Finding:
    """Require that no method changes the data or the delta."""
    instance = t.fresh()
    instance.call_optional("zero_grad")
    lacking = instance.missing_methods("backward_delta", "backward_update_gradient")
    for method in ("forward", "backward_delta", "backward_update_gradient"):
        if method in lacking:
            continue
        call = instance.call if method == "forward" else instance.call_optional
        call(method, *_arguments(t, method))
        found = mutated(instance, method, ("data", "delta"), (t.data, t.delta))
        if found is not None:
            return found
    return Finding(t.data, t.data, True)


def _arguments(t: Trial, method: str) -> list[np.ndarray]:
    """Return copies of the arguments of a method."""
    return [each.copy() for each in ((t.data,) if method == "forward" else (t.data, t.delta))]


@module_property("parameters_unchanged", "backward_update_gradient", requires_run=("shapes",))
def parameters_unchanged(t: Trial) -> Finding | None:
    """Require that only ``update_parameters`` changes the parameters."""
    if not t.values:
        return None
    instance = t.fresh()
    instance.call("zero_grad")
    for method in ("forward", "backward_update_gradient", "backward_delta"):
        try:
            instance.call(method, *_arguments(t, method))
        except Raised:
            continue  # another property reports it
        for path, before in t.values.items():
            now = instance.read(path)
            if not np.array_equal(now, before):
                return Finding(now, before, False, "any.updates_early", words={"method": method})
    return Finding(None, None, True)


@module_property("order", "backward_delta", requires_run=("shapes", "delta", "gradient"))
def order(t: Trial) -> Finding:
    """Require that backward does not depend on earlier calls, and that an output is not overwritten later.

    A module that caches the input of the last forward is right in the sheet's training loop: that is a
    remark. One that uses an older input is wrong there.
    """
    instance = t.fresh()
    kept = t.forward(instance)
    delta = t.backward_delta(instance)
    gradient = t.one_gradient() if t.values else {}
    other = t.fixture.kind.draw(np.random.default_rng(t.seed + 2), t.data.shape)
    before = t.fresh()
    t.forward(before)
    t.forward(before, other)
    now = before.answer_now(1)
    if not np.array_equal(now, kept, equal_nan=True):
        return Finding(now, kept, False, "any.reuses_output", words={"method": "forward"})
    for prelude in ("a whole step", "other", "nothing"):
        found = _after(t, prelude, other, delta, gradient)
        if found is not None:
            return found
    return Finding(None, None, True)


def _after(
    t: Trial, prelude: str, other: np.ndarray, delta: np.ndarray, gradient: dict[Path, np.ndarray]
) -> Finding | None:
    """Return what is wrong with the backward methods after the calls ``prelude``, None if nothing is."""
    broken = prelude == "a whole step"
    mistake, words = ("any.stale" if broken else "any.cached"), {"prelude": prelude}
    method = "backward_delta"
    try:
        instance = t.fresh()
        if prelude == "other":
            t.forward(instance, other)
        elif broken:
            step = replace(t, data=other)
            instance.call_optional("zero_grad")
            step.forward(instance)
            instance.call_optional("backward_update_gradient", other.copy(), t.delta.copy())
            step.backward_delta(instance)
            t.forward(instance)
        if t.values:
            method = "backward_update_gradient"
            instance.call("zero_grad")
            t.update_gradient(instance)
            now = t.gradients(instance)
            for path, right in gradient.items():
                if not close(now[path], right, 1e-5 if t.fixture.single(t) else ROUNDING):
                    words["method"] = method
                    return Finding(now[path], right, False, mistake, words=words, remark=not broken)
        method = "backward_delta"
        got = t.backward_delta(instance)
    except Raised as error:
        words["method"] = method
        said = str(error.words.get("text", error.key))
        return Finding(said, delta, False, mistake, words=words, remark=not broken)
    words["method"] = method
    return (
        None
        if close(got, delta, ROUNDING)
        else Finding(got, delta, False, mistake, words=words, remark=not broken)
    )


@module_property("update_parameters", "update_parameters", requires_run=("shapes", "gradient"))
def update_parameters(t: Trial) -> Finding | None:
    """Require that ``update_parameters(step)`` subtracts step × gradient, exactly."""
    if not t.values:
        t.fresh().call_optional("update_parameters", 1e-3)
        return None
    instance = t.fresh()
    instance.call("zero_grad")
    t.forward(instance)
    t.update_gradient(instance)
    gradient, step = t.gradients(instance), 0.125
    instance.call("update_parameters", step)
    got = {path: instance.read(path).astype(float) for path in t.values}
    if not all(broadcasts(gradient[path], value) for path, value in t.values.items()):
        return None  # `gradient` reports it
    right = {path: value - step * gradient[path] for path, value in t.values.items()}
    fine = all(close(got[path], right[path], 1e-5 if t.fixture.single(t) else ROUNDING) for path in right)
    extra = {"before": t.parts(t.values), "gradient": t.parts(gradient), "step": step}
    return Finding(t.parts(got), t.parts(right), fine, extra=extra)


@module_property("finite", "forward", requires_run=("shapes", "delta"))
def finite(t: Trial) -> Finding | None:
    """Require that extreme inputs give finite outputs and deltas."""
    for value in t.fixture.kind.extremes:
        data = t.data.copy()
        data[:, 0, ...] = value
        if not t.fixture.kind.name and not np.isfinite(t.forward(t.fresh(), np.full_like(data, 30.0))).all():
            # An unknown function may contain an exponential, and overflow rightly.
            return Finding(None, None, None, message="overflows_itself")
        instance = t.fresh()
        for method in ("forward", "backward_delta"):
            got = instance.array(method, *_arguments(replace(t, data=data), method))
            if not np.isfinite(got).all():
                words = {"method": method, "value": f"{value:g}"}
                # The formulas of mistakes need the data used.
                return Finding(got, None, False, extra={"x": data, "of": method}, words=words)
    return Finding(None, None, True)


@module_property("dtype", "forward", requires_run=("shapes", "delta"), requires=("delta",))
def dtype(t: Trial) -> Finding | None:
    """Require that float32 and integer data give the same."""
    single = Trial(t.fixture, t.values, t.data.astype(np.float32), t.delta.astype(np.float32), t.seed)
    double = Trial(t.fixture, t.values, single.data.astype(float), single.delta.astype(float), t.seed)
    for method in ("forward", "backward_delta"):
        got, right = _both(single, double, method)
        # A sum that nearly cancels has the rounding error of its terms.
        size = float(np.max(np.abs(double.data if method == "forward" else double.delta), initial=0.0))
        if got.dtype.kind != "f" or not close(got.astype(float), right, 1e-3, size=size):
            return Finding(got, right, False, words={"method": method, "dtype": "float32"})
    if t.fixture.kind.name == "MaxPool1D":
        return Finding(None, None, True)  # integers give ties
    whole = Trial(t.fixture, t.values, np.round(2 * t.data).astype(int), t.delta, t.seed)
    whole.data[whole.data == 0] = 1  # away from the kink
    for method in ("forward", "backward_delta"):
        exact = Trial(t.fixture, t.values, whole.data.astype(float), t.delta, t.seed)
        try:
            got, right = _both(whole, exact, method)
        except Raised:
            break  # an error is acceptable
        if not close(got.astype(float), right, 1e-5):
            mistake = "any.truncates" if got.dtype.kind in "iu" or np.all(got == np.trunc(got)) else ""
            words = {"method": method, "dtype": "int64"}
            return Finding(got, right, False, mistake, words=words, remark=bool(mistake))
    return Finding(None, None, True)


def _both(one: Trial, other: Trial, method: str) -> tuple[np.ndarray, np.ndarray]:
    answers = []
    for each in (one, other):
        instance = each.fresh()
        output = each.forward(instance)
        answers.append(output if method == "forward" else each.backward_delta(instance))
    return answers[0], answers[1]


@module_property("strided", "forward", requires=("forward", "delta"))
def strided(t: Trial) -> Finding:
    """Require that non-contiguous arrays give the same."""
    data, delta = (np.repeat(each, 2, axis=-1)[..., ::2] for each in (t.data, t.delta))
    for method, arguments in (("forward", (data,)), ("backward_delta", (data, delta))):
        instance = t.fresh()
        right_one = t.fresh()
        if method == "backward_delta":
            instance.call("forward", data)
            t.forward(right_one)
        got = instance.array(method, *arguments)
        right = t.forward(right_one) if method == "forward" else t.backward_delta(right_one)
        if not close(got, right, ROUNDING):
            return Finding(got, right, False, words={"method": method})
    return same(np.zeros(0), np.zeros(0))
