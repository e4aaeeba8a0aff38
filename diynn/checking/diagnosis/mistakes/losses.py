"""Mistakes of the losses. ``y`` is one-hot for classes, ``p`` stands for the prediction ``yhat``."""

import numpy as np

from diynn.arrays import Array
from diynn.checking.diagnosis.mistakes import Facts, Formula, mistake
from diynn.checking.diagnosis.variants import sigmoid, softmax

ANY_LOSS = "MSELoss BCELoss BCEWithLogitsLoss CrossEntropyLoss"

# ------------------------------------------------------------ squared distance

mistake("mse.square_of_sum", "MSELoss", "forward", lambda f: (f.y - f.yhat).sum(axis=1) ** 2)
mistake("mse.square_of_sum", "MSELoss", "forward", lambda f: (f.y - f.yhat).sum() ** 2)
mistake("mse.square_of_sum", "MSELoss", "forward", lambda f: (f.y - f.yhat).mean(axis=1) ** 2)
mistake("mse.mean_over_outputs", "MSELoss", "forward", lambda f: ((f.y - f.yhat) ** 2).mean(axis=1))
mistake("mse.root", "MSELoss", "forward", lambda f: np.sqrt(((f.y - f.yhat) ** 2).sum(axis=1)))
mistake("mse.half", "MSELoss", "forward", lambda f: ((f.y - f.yhat) ** 2).sum(axis=1) / 2)
mistake("mse.not_squared", "MSELoss", "forward", lambda f: np.abs(f.y - f.yhat).sum(axis=1))
mistake("mse.not_squared", "MSELoss", "forward", lambda f: (f.y - f.yhat).sum(axis=1))
mistake("mse.not_squared", "MSELoss", "forward", lambda f: (f.yhat - f.y).sum(axis=1))
mistake("loss.over_batch", "MSELoss", "forward", lambda f: ((f.y - f.yhat) ** 2).sum(axis=0))
mistake("loss.over_batch", "MSELoss", "forward", lambda f: ((f.y - f.yhat) ** 2).mean(axis=0))
mistake("loss.elementwise", "MSELoss", "forward", lambda f: (f.y - f.yhat) ** 2)
mistake("loss.divided_by_batch", "MSELoss", "forward", lambda f: ((f.y - f.yhat) ** 2).sum(axis=1) / f.batch)
mistake("mse.squared_and_y", "MSELoss", "forward", lambda f: (f.y**2 - f.yhat**2).sum(axis=1))
mistake("loss.columns", "MSELoss", "forward", lambda f: _crossed(f).sum(axis=1) if f.d == 1 else f.right)
mistake("loss.columns", "MSELoss", "forward", lambda f: _crossed(f).sum(axis=0) if f.d == 1 else f.right)

mistake("mse.sign", "MSELoss", "backward", lambda f: 2 * (f.y - f.yhat))
mistake("mse.no_two", "MSELoss", "backward", lambda f: f.yhat - f.y)
mistake("mse.sign", "MSELoss", "backward", lambda f: f.y - f.yhat)
mistake("mse.squared_gradient", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y) ** 2)
mistake("mse.mean_gradient", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y) / f.d)
mistake("mse.mean_gradient", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y) / f.yhat.size)
mistake("any.divided_by_batch", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y) / f.batch)
mistake("any.divided_twice", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y) / f.batch**2)
mistake("loss.summed_gradient", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y).sum(axis=1))
mistake("loss.summed_gradient", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y).sum(axis=0))
mistake("loss.columns", "MSELoss", "backward", lambda f: 2 * (f.yhat - f.y[:, 0]))


def _crossed(f: Facts) -> Array:
    """Return the differences (n, n) that broadcasting gives for (n, 1) and (n,)."""
    return np.asarray((f.y[:, :1] - f.yhat[:, 0]) ** 2)


# ------------------------------------------------------------ binary cross entropy


def _terms(f: Facts) -> tuple[Array, Array]:
    return f.y * np.log(f.yhat), (1 - f.y) * np.log(1 - f.yhat)


def _any_sum(name: str, cost: Formula) -> None:
    """Register a wrong cost per output, and its sum and mean over the outputs."""
    mistake(name, "BCELoss", "forward", cost)
    mistake(name, "BCELoss", "forward", lambda f: cost(f).sum(axis=1))
    mistake(name, "BCELoss", "forward", lambda f: cost(f).mean(axis=1))


_any_sum("bce.sign_slip", lambda f: -(_terms(f)[0] - _terms(f)[1]))
_any_sum("bce.sign_slip", lambda f: _terms(f)[0] - _terms(f)[1])
_any_sum("bce.no_minus", lambda f: _terms(f)[0] + _terms(f)[1])
_any_sum("bce.first_half", lambda f: -_terms(f)[0])
_any_sum("bce.swapped", lambda f: -(f.yhat * np.log(f.y) + (1 - f.yhat) * np.log(1 - f.y)))
_any_sum("bce.hard", lambda f: -np.where(f.y == 1, np.log(f.yhat), np.log(1 - f.yhat)))
_any_sum("bce.hard", lambda f: -np.where(f.y > 0.5, np.log(f.yhat), np.log(1 - f.yhat)))
_any_sum("bce.one_log", lambda f: -(f.y * np.log(f.yhat) + (1 - f.y) * (1 - np.log(f.yhat))))
_any_sum("bce.log_base", lambda f: -(_terms(f)[0] + _terms(f)[1]) / np.log(2))
_any_sum("bce.log_base", lambda f: -(_terms(f)[0] + _terms(f)[1]) / np.log(10))

mistake("bce.sign_slip", "BCELoss", "backward", lambda f: -f.y / f.yhat - (1 - f.y) / (1 - f.yhat))
mistake("bce.sign_slip", "BCELoss", "backward", lambda f: f.y / f.yhat + (1 - f.y) / (1 - f.yhat))
mistake("bce.no_minus", "BCELoss", "backward", lambda f: f.y / f.yhat - (1 - f.y) / (1 - f.yhat))
mistake("bce.of_logits", "BCELoss", "backward", lambda f: f.yhat - f.y)
mistake("bce.of_logits", "BCELoss", "backward", lambda f: f.y - f.yhat)
mistake("bce.first_half", "BCELoss", "backward", lambda f: -f.y / f.yhat)
mistake("bce.hard", "BCELoss", "backward", lambda f: np.where(f.y == 1, -1 / f.yhat, 1 / (1 - f.yhat)))
mistake("bce.denominator", "BCELoss", "backward", lambda f: (f.yhat - f.y) / f.yhat)
mistake("bce.denominator", "BCELoss", "backward", lambda f: (f.yhat - f.y) / (1 - f.yhat))
mistake("mse.sign", "BCEWithLogitsLoss", "backward", lambda f: f.y - sigmoid(f.yhat))
mistake("bce.logits_for_probabilities", "BCEWithLogitsLoss", "backward", lambda f: f.yhat - f.y)
mistake("any.divided_by_batch", "BCELoss", "backward",
        lambda f: (f.yhat - f.y) / (f.yhat * (1 - f.yhat)) / f.batch)  # fmt: skip
mistake("loss.mean_gradient", "BCELoss", "backward", lambda f: f.right / f.d)
mistake("loss.mean_gradient", "BCELoss", "backward", lambda f: f.right * f.d)
mistake("loss.mean_gradient", "BCELoss", "backward", lambda f: f.right / f.yhat.size)


@mistake("bce.epsilon", "BCELoss", "finite")
def _epsilon(f: Facts) -> Array:
    """Take a logarithm or divide at 0, or add an epsilon outside: ``y / yhat + eps``."""
    return np.asarray(f.got)


@mistake("bce.epsilon", "BCELoss", "backward")
def _epsilon_outside(f: Facts) -> Array:
    """Add an epsilon outside the denominator: all entries are wrong by one constant."""
    off = f.got - f.right
    constant = np.all(np.abs(off - off.ravel()[0]) <= 1e-6 * np.abs(f.right).max())
    return np.asarray(f.right + off if constant else np.nan)


# ------------------------------------------------------------ cross entropy


def _picked(f: Facts) -> Array:
    picked: Array = (f.y * f.yhat).sum(axis=1)
    return picked


CE = "CrossEntropyLoss"
mistake("ce.one_minus", CE, "forward", lambda f: 1 - _picked(f))
mistake("ce.no_minus", CE, "forward", _picked)
mistake("ce.no_minus", CE, "forward", lambda f: (f.y * np.log(f.yhat)).sum(axis=1))
mistake("ce.no_log", CE, "forward", lambda f: np.exp(f.yhat).sum(axis=1) - _picked(f))
mistake("ce.no_log", CE, "forward", lambda f: -_picked(f) + f.yhat.sum(axis=1))
mistake("ce.plus", CE, "forward", lambda f: _picked(f) + np.log(np.exp(f.yhat).sum(axis=1)))
mistake("ce.log_sum_of_all", CE, "forward", lambda f: -_picked(f) + np.log(np.exp(f.yhat).sum()))
mistake("ce.log_sum_of_all", CE, "forward", lambda f: -_picked(f) + np.log(np.exp(f.yhat).sum(axis=0)))
mistake("ce.softmax_no_log", CE, "forward", lambda f: -(f.y * softmax(f.yhat)).sum(axis=1))
mistake("loss.over_batch", CE, "forward", lambda f: -(f.y * f.yhat).sum(axis=0))
mistake("loss.over_batch", CE, "forward", lambda f: -(f.y * np.log(f.yhat)).sum(axis=0))
mistake("ce.binary", CE, "forward",
        lambda f: -(f.y * np.log(f.yhat) + (1 - f.y) * np.log(1 - f.yhat)).sum(axis=1))  # fmt: skip
mistake("ce.mean_over_classes", CE, "forward", lambda f: -(f.y * np.log(f.yhat)).mean(axis=1))
mistake("ce.mean_over_classes", CE, "forward", lambda f: -(f.y * f.yhat).mean(axis=1))
mistake("loss.elementwise", CE, "forward", lambda f: -f.y * np.log(f.yhat))
mistake("loss.elementwise", CE, "forward", lambda f: -f.y * f.yhat)
mistake("ce.is_mse", CE, "forward", lambda f: ((f.y - f.yhat) ** 2).sum(axis=1))

mistake("ce.of_softmax", CE, "backward", lambda f: f.yhat - f.y)
mistake("ce.no_minus", CE, "backward", lambda f: f.y + 0.0)
mistake("ce.no_minus", CE, "backward", lambda f: f.y / f.yhat)
mistake("ce.nll_gradient", CE, "backward", lambda f: -f.y)
mistake("ce.softmax_only", CE, "backward", lambda f: softmax(f.yhat))
mistake("ce.plus_target", CE, "backward", lambda f: softmax(f.yhat) + f.y)
mistake("mse.sign", CE, "backward", lambda f: f.y - softmax(f.yhat))
mistake("ce.log_gradient", CE, "backward", lambda f: -f.y / f.yhat)
mistake("ce.logits_gradient", CE, "backward", lambda f: softmax(f.yhat) - f.y)
mistake("softmax.elementwise", CE, "backward",
        lambda f: softmax(f.yhat) * (1 - softmax(f.yhat)))  # fmt: skip
mistake("ce.softmax_over_all", CE, "backward",
        lambda f: np.exp(f.yhat) / np.exp(f.yhat).sum() - f.y)  # fmt: skip
mistake("ce.softmax_over_all", CE, "backward",
        lambda f: np.exp(f.yhat) / np.exp(f.yhat).sum(axis=0) - f.y)  # fmt: skip
mistake("ce.softmax_unnormalised", CE, "backward", lambda f: np.exp(f.yhat) - f.y)
mistake("loss.summed_gradient", CE, "backward", lambda f: f.right.sum(axis=1))


@mistake("ce.log_of_zero", CE, "finite")
def _log_of_zero(f: Facts) -> Array:
    """Take the logarithm of a probability of 0."""
    if f.variant != "log":
        raise ValueError("there are no probabilities")
    return np.asarray(f.got)


mistake("softmax.overflow", CE, "finite", lambda f: f.got)
mistake("softmax.overflow", "BCEWithLogitsLoss", "finite", lambda f: f.got)

# ------------------------------------------------------------ any loss

mistake("loss.scalar", ANY_LOSS, "forward", lambda f: f.right.sum())
mistake("loss.scalar", ANY_LOSS, "forward", lambda f: f.right.mean())
mistake("loss.scalar", ANY_LOSS, "forward", lambda f: f.right.mean() / f.d)
