"""The mistakes that course code is known to make: each is a wrong formula, in a few lines.

A wrong answer that equals what a wrong formula gives, in every trial, was most likely computed by it.
Which mistakes these are was counted over some forty public solutions of the sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

Facts = SimpleNamespace
Formula = Callable[[Any], Any]


@dataclass(frozen=True)
class Mistake:
    """One known mistake.

    Attributes
    ----------
    name : str
        ``"mistake." + name`` is its explanation in the catalogue.
    kinds : tuple of str
        The kinds of module or loss that make it; empty for any.
    property : str
        The property whose wrong answers it explains.
    formula : callable
        Takes the facts of a trial; returns what somebody who made the mistake would get. A dict holds
        some of several arrays: the others are right.
    should : str
        The line of mathematics that should stand there.
    """

    name: str
    kinds: tuple[str, ...]
    property: str
    formula: Formula
    should: str

    def applies(self, kind: str, name: str) -> bool:
        """Say whether it may explain this property of this kind."""
        return name == self.property and (not self.kinds or kind in self.kinds)


MISTAKES: list[Mistake] = []

#: What should stand there, by kind and property: shown with every failure, recognised or not.
RIGHT: dict[tuple[str, str], str] = {
    ("Linear", "forward"): "z = x W + b",
    ("Linear", "delta"): "∂L/∂x = δ Wᵀ",
    ("Linear", "gradient"): "∂L/∂W += xᵀ δ,   ∂L/∂b += Σ_batch δ",
    ("Conv1D", "forward"): "z[n, i, o] = Σ_t Σ_c x[n, i·stride + t, c] W[t, c, o] + b[o]",
    ("Conv1D", "delta"): "∂L/∂x[n, i·stride + t, c] += Σ_o δ[n, i, o] W[t, c, o]",
    ("Conv1D", "gradient"): "∂L/∂W[t, c, o] += Σ_n Σ_i x[n, i·stride + t, c] δ[n, i, o],   "
    "∂L/∂b[o] += Σ_n Σ_i δ[n, i, o]",
    ("MaxPool1D", "forward"): "z[n, i, c] = max_t x[n, i·stride + t, c]",
    ("MaxPool1D", "delta"): "∂L/∂x[n, i·stride + argmax_t x[n, i·stride + t, c], c] += δ[n, i, c]",
    ("AvgPool1D", "forward"): "z[n, i, c] = (1/k) Σ_t x[n, i·stride + t, c]",
    ("AvgPool1D", "delta"): "∂L/∂x[n, i·stride + t, c] += δ[n, i, c] / k",
    ("Conv2D", "delta"): "∂L/∂x[n, i·stride + t, j·stride + u, c] += Σ_o δ[n, i, j, o] W[t, u, c, o]",
    ("MaxPool2D", "forward"): "z[n, i, j, c] = max_tu x[n, i·stride + t, j·stride + u, c]",
    ("MaxPool2D", "delta"): "δ[n, i, j, c] goes to the maximum of its window, and adds up there",
    ("AvgPool2D", "forward"): "z[n, i, j, c] = (1/k²) Σ_tu x[n, i·stride + t, j·stride + u, c]",
    ("AvgPool2D", "delta"): "∂L/∂x[n, i·stride + t, j·stride + u, c] += δ[n, i, j, c] / k²",
    ("Flatten2D", "delta"): "∂L/∂x = δ.reshape(x.shape)",
    ("UpSampling2D", "delta"): "∂L/∂x[n, i, j, c] = Σ_tu δ[n, i·k + t, j·k + u, c]",
    ("Flatten", "forward"): "z = x.reshape(batch, length·chan)",
    ("Flatten", "delta"): "∂L/∂x = δ.reshape(x.shape)",
    ("Tanh", "forward"): "z = tanh(x)",
    ("Tanh", "delta"): "∂L/∂x = δ (1 - tanh(x)²)",
    ("Sigmoid", "forward"): "s = 1 / (1 + e^-x)",
    ("Sigmoid", "delta"): "∂L/∂x = δ s (1 - s),   s = 1 / (1 + e^-x)",
    ("ReLU", "forward"): "z = max(x, 0)",
    ("ReLU", "delta"): "∂L/∂x = δ · 1[x > 0]",
    ("Softmax", "forward"): "s_ni = e^x_ni / Σ_k e^x_nk",
    ("Softmax", "delta"): "∂L/∂x_i = s_i (δ_i - Σ_k δ_k s_k)",
    ("Softmax", "finite"): "s_i = e^(x_i - max x) / Σ_k e^(x_k - max x)",
    ("LogSoftmax", "forward"): "z_i = x_i - log Σ_k e^x_k",
    ("LogSoftmax", "delta"): "∂L/∂x_i = δ_i - softmax(x)_i Σ_k δ_k",
    ("LogSoftmax", "finite"): "z_i = (x_i - max x) - log Σ_k e^(x_k - max x)",
    ("MSELoss", "shapes"): "C_n = Σ_j (ŷ_nj - y_nj)²,   (batch,)",
    ("MSELoss", "forward"): "C_n = Σ_j (ŷ_nj - y_nj)²",
    ("MSELoss", "backward"): "∂C/∂ŷ = 2 (ŷ - y)",
    ("BCELoss", "forward"): "C = -Σ y max(-100, log ŷ) + (1 - y) max(-100, log(1 - ŷ))",
    ("BCELoss", "backward"): "∂C/∂ŷ = (1 - y)/(1 - ŷ) - y/ŷ",
    ("BCELoss", "finite"): "max(-100, log ŷ);   ∂C/∂ŷ = (ŷ - y) / max(ŷ (1 - ŷ), ε)",
    ("BCEWithLogitsLoss", "forward"): "C = Σ max(ŷ, 0) - y ŷ + log(1 + e^-|ŷ|)",
    ("BCEWithLogitsLoss", "backward"): "∂C/∂ŷ = sigmoid(ŷ) - y",
    ("CrossEntropyLoss", "forward"): "C = -ŷ_y   |   C = -ŷ_y + log Σ_k e^ŷ_k",
    ("CrossEntropyLoss", "backward"): "∂C/∂ŷ = -y   |   ∂C/∂ŷ = softmax(ŷ) - y",
    ("CrossEntropyLoss", "finite"): "C = -ŷ_y + m + log Σ_k e^(ŷ_k - m),   m = max ŷ",
    ("CrossEntropyLoss.logits", "backward"): "∂C/∂ŷ = softmax(ŷ) - y",
    ("CrossEntropyLoss.nll", "backward"): "∂C/∂ŷ = -y",
    ("CrossEntropyLoss.log", "backward"): "∂C/∂ŷ = -y / ŷ",
    ("", "linearity"): "∂L/∂x = Jᵀ δ,   J = ∂z/∂x",
    ("", "accumulation"): "self._gradient += ...",
    ("", "zero_grad"): "self._gradient = np.zeros_like(self._parameters)",
    ("", "additivity"): "∂L/∂W = Σ_n ∂L_n/∂W",
    ("", "update_parameters"): "self._parameters -= gradient_step * self._gradient",
    ("", "delta"): "∂L/∂x_i = Σ_k δ_k ∂z_k/∂x_i",
    ("", "gradient"): "∂L/∂w_i += Σ_k δ_k ∂z_k/∂w_i",
    ("", "backward"): "∂C/∂ŷ = ∂(Σ_n C_n)/∂ŷ",
    ("Sequential", "forward"): "z⁰ = x,   zʰ = Mʰ(zʰ⁻¹)",
    ("Sequential", "net_gradient"): "for h = H, ..., 1: Mʰ.backward_update_gradient(zʰ⁻¹, δʰ); "
    "δʰ⁻¹ = Mʰ.backward_delta(zʰ⁻¹, δʰ)",
    ("Optim", "net_step"): "zero_grad; forward; δ = loss.backward(y, ŷ); backward; update_parameters(eps)",
}  # fmt: skip


def right_line(kind: str, name: str) -> str:
    """Return the line of mathematics that should stand there, empty if there is none."""
    return RIGHT.get((kind, name)) or RIGHT.get((kind.partition(".")[0], name)) or RIGHT.get(("", name), "")


def mistake(
    name: str, kinds: str, where: str, formula: Formula | None = None, *, should: str = ""
) -> Callable[[Formula], Formula]:
    """Register a known mistake, given a formula or as a decorator of one.

    Parameters
    ----------
    name : str
        Its key.
    kinds : str
        The kinds that make it, separated by spaces; ``""`` for any.
    where : str
        The property whose wrong answers it explains.
    should : str
        The right line, where it is another than that of kind and property.
    """

    def add(function: Formula) -> Formula:
        names = tuple(kinds.split())
        line = should or right_line(names[0] if len(names) == 1 else "", where)
        MISTAKES.append(Mistake(name, names, where, function, line))
        return function

    if formula is not None:
        add(formula)
    return add


def load() -> list[Mistake]:
    """Return all known mistakes, those of one kind before those of any."""
    if not MISTAKES:
        from diynn.checking.diagnosis.mistakes import (  # noqa: F401
            activations,
            convolution,
            general,
            images,
            linear,
            losses,
        )

        MISTAKES.sort(key=lambda each: not each.kinds)
    return MISTAKES
