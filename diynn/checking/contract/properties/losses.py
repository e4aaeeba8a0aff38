"""The properties of losses."""

from __future__ import annotations

import numpy as np

from diynn.checking.contract.loss_trial import LossTrial
from diynn.checking.contract.properties import ROUNDING, loss_property, mutated, same
from diynn.checking.contract.raised import Raised
from diynn.checking.diagnosis.closeness import close
from diynn.checking.diagnosis.evidence import Finding

# Relative tolerance of costs: a small epsilon inside a logarithm is allowed.
_PROTECTED = 1e-5
_SEEN = 1e-6
# An epsilon this large changes the loss.
_LARGE = 1e-3


def _answer(t: LossTrial, method: str, y: np.ndarray, yhat: np.ndarray) -> np.ndarray:
    """Return the answer of a new loss; backward is called right after forward, which some losses need."""
    instance = t.fresh()
    if method == "backward":
        instance.call("forward", y.copy(), yhat.copy(order="K"))
    # A copy would be contiguous: pass a non-contiguous array as it is.
    return instance.array(method, y.copy(), yhat if not yhat.flags.c_contiguous else yhat.copy())


@loss_property("shapes", "forward")
def shapes(t: LossTrial) -> Finding:
    """Require one cost per example."""
    got, right = t.forward(t.fresh()).shape, (len(t.yhat),)
    tolerable = got == (len(t.yhat), 1) or (t.fixture.variant.elementwise and got == t.yhat.shape)
    if not tolerable and not t.fixture.kind.name:
        return Finding(str(got), str(right), got[:1] == right)
    mistake = {(): "loss.scalar", t.yhat.shape: "loss.elementwise"}.get(got, "")
    return Finding(str(got), str(right), got == right, "" if tolerable else mistake, remark=tolerable)


@loss_property("forward", "forward", requires_run=("shapes",))
def forward(t: LossTrial) -> Finding | None:
    """Require that the costs are those of the sheet's formula."""
    if not t.fixture.kind.name:
        return None
    epsilon = t.fixture.reading.epsilon
    got, right = t.forward(t.fresh()), t.fixture.variant.cost(t.target, t.yhat)
    # Costs near 0 are differences of terms as large as the predictions.
    size = 1.0 + float(np.max(np.abs(t.yhat), initial=0.0))
    fine = got.size == right.size and close(got.reshape(right.shape), right, _PROTECTED, size=size)
    if got.ndim == 0:
        means = (right.sum(), right.mean(), right.sum() / t.yhat.size)
        fine = any(close(got, np.asarray(each), _PROTECTED) for each in means)
    if epsilon and (epsilon > _SEEN or not fine):
        words = {"epsilon": f"{epsilon:.2g}"}
        if epsilon < _LARGE:  # the costs would print as equal numbers
            return Finding(None, None, False, "loss.epsilon_small", words=words, remark=True)
        return Finding(got, right, False, "loss.epsilon_large", words=words)
    return Finding(got, right, fine)


@loss_property("backward", "backward", requires_run=("shapes",))
def backward(t: LossTrial) -> Finding:
    """Require that ``backward`` is the gradient of the sum of the costs with respect to ``yhat``."""
    instance = t.fresh()
    t.forward(instance)
    got = t.backward(instance)
    fine = t.backward_agrees(got) if got.shape == t.yhat.shape else False
    if fine is False and t.is_the_sheets(got):
        fine = True
    return Finding(got, lambda: t.numeric_backward()[0], fine)


@loss_property("independence", "forward", requires=("shapes", "backward"))
def independence(t: LossTrial) -> Finding | None:
    """Require that each cost, and each row of the gradient, depends on its own example alone."""
    if len(t.yhat) < 2:
        return None
    rows = [LossTrial(t.fixture, t.target[i : i + 1], t.yhat[i : i + 1], t.seed) for i in range(len(t.yhat))]
    for method in ("forward", "backward"):
        got = _answer(t, method, t.y, t.yhat)
        right = np.concatenate([np.atleast_1d(_answer(row, method, row.y, row.yhat)) for row in rows])
        if not close(got, right, ROUNDING):
            return Finding(got, right, False, words={"method": method})
    return same(np.zeros(0), np.zeros(0))


@loss_property("unchanged", "forward", requires_run=("shapes", "backward"))
def unchanged(t: LossTrial) -> Finding:
    """Require that neither the target nor the prediction is changed."""
    for method in ("forward", "backward"):
        instance = t.fresh()
        if method == "backward":
            t.forward(instance)
        instance.call(method, t.y, t.yhat.copy())
        found = mutated(instance, method, ("y", "yhat"), (t.y, t.yhat))
        if found is not None:
            return found
    return Finding(None, None, True)


@loss_property("order", "backward", requires_run=("shapes", "backward"))
def order(t: LossTrial) -> Finding:
    """Require that backward does not depend on earlier calls."""
    plain = t.fresh()
    t.forward(plain)
    right = t.backward(plain)
    other = LossTrial(
        t.fixture, t.target[::-1], t.fixture.draw(np.random.default_rng(t.seed + 5), t.yhat.shape)
    )
    for prelude in ("a whole step", "other", "nothing"):
        instance = t.fresh()
        broken = prelude == "a whole step"  # as the sheet's training loop does
        mistake = "any.stale" if broken else "any.cached"
        words = {"method": "backward", "prelude": prelude}
        try:
            if prelude != "nothing":
                other.forward(instance)
            if broken:
                other.backward(instance)
                t.forward(instance)
            got = t.backward(instance)
        except Raised as error:
            said = str(error.words.get("text", error.key))
            return Finding(said, right, False, mistake, words=words, remark=not broken)
        if not close(got, right, ROUNDING):
            return Finding(got, right, False, mistake, words=words, remark=not broken)
    return Finding(None, None, True)


@loss_property("finite", "forward", requires_run=("shapes", "backward"))
def finite(t: LossTrial) -> Finding | None:
    """Require that extreme predictions give finite costs and gradients."""
    for value in t.fixture.variant.extremes:
        yhat = t.yhat.copy()
        yhat[:, 0] = value
        for flip in (False, True):
            extreme = LossTrial(
                t.fixture, 1 - t.target if flip and t.fixture.labels == "binary" else t.target, yhat
            )
            for method in ("forward", "backward"):
                got = _answer(extreme, method, extreme.y, yhat)
                if not np.isfinite(got).all():
                    words = {"method": method, "value": f"{value:g}"}
                    extra = {"y": extreme.target, "yhat": yhat, "of": method}
                    return Finding(got, None, False, extra=extra, words=words)
    return Finding(None, None, True)


@loss_property("dtype", "forward", requires=("forward", "backward"))
def dtype(t: LossTrial) -> Finding | None:
    """Require that integer targets give the same as the same targets in floating point."""
    if t.fixture.labels in ("index", "column"):
        return None
    y = np.round(t.target).astype(int)
    for method in ("forward", "backward"):
        right = _answer(t, method, y.astype(float), t.yhat)
        try:
            got = _answer(t, method, y, t.yhat)
        except Raised:
            return Finding(None, None, True)  # an error is acceptable
        if not close(got.astype(float), right, ROUNDING):
            mistake = "any.truncates" if np.all(got == np.trunc(got)) else ""
            words = {"method": method, "dtype": "int64"}
            return Finding(got, right, False, mistake, words=words, remark=bool(mistake))
    return Finding(None, None, True)


@loss_property("broadcasting", "forward", requires=("forward", "backward"), remark=True)
def broadcasting(t: LossTrial) -> Finding | None:
    """Require that a target (n,) against a prediction (n, 1) is not broadcast to n × n."""
    if t.yhat.shape[-1] != 1 or len(t.yhat) < 2 or t.fixture.labels not in ("real", "binary"):
        return None
    right = _answer(t, "backward", t.y, t.yhat)
    try:
        got = _answer(t, "backward", t.target[:, 0], t.yhat)
    except Raised:
        return Finding(None, None, True)
    return Finding(got, right, close(got, right, ROUNDING), "loss.broadcasts", message="fails.broadcasting")


@loss_property("strided", "forward", requires=("forward", "backward"))
def strided(t: LossTrial) -> Finding:
    """Require that non-contiguous arrays give the same."""
    yhat = np.repeat(t.yhat, 2, axis=-1)[..., ::2]
    for method in ("forward", "backward"):
        got, right = _answer(t, method, t.y, yhat), _answer(t, method, t.y, t.yhat)
        if not close(got, right, ROUNDING):
            return Finding(got, right, False, words={"method": method})
    return same(np.zeros(0), np.zeros(0))
