"""The right line for each kind and property: quoted from the class of diynn that shows it, else from a table.

The docstring of a layer or loss shows its formulas in the block after ``::``, one a line. Four spaces or more
separate a formula from a remark, which is not quoted.
"""

from __future__ import annotations

import re
from functools import cache

#: The property that a formula belongs to, by how its line begins; any other is of ``forward``.
_BEGINNINGS = {"∂L/∂x": "delta", "∂L/∂W": "gradient", "∂C/∂ŷ": "backward", "for ": "net_gradient"}
_BLOCK = re.compile(r"::\n\n((?: {8}.+\n)+)")

#: The losses that one kind, and each of its readings, stand for.
_LOSSES = {
    "CrossEntropyLoss": ("NLLLoss", "CrossEntropyLoss"), "CrossEntropyLoss.logits": ("CrossEntropyLoss",),
    "CrossEntropyLoss.nll": ("NLLLoss",), "CrossEntropyLoss.log": ("CategoricalCrossEntropyLoss",),
}  # fmt: skip

#: What no class of diynn shows: layers in two dimensions, an optimiser, what holds for any module or loss.
_OTHERS: dict[tuple[str, str], str] = {
    ("Conv2D", "delta"): "∂L/∂x[n, i·stride + t, j·stride + u, c] += Σ_o δ[n, i, j, o] W[t, u, c, o]",
    ("MaxPool2D", "forward"): "z[n, i, j, c] = max_tu x[n, i·stride + t, j·stride + u, c]",
    ("MaxPool2D", "delta"): "δ[n, i, j, c] goes to the maximum of its window, and adds up there",
    ("AvgPool2D", "forward"): "z[n, i, j, c] = (1/k²) Σ_tu x[n, i·stride + t, j·stride + u, c]",
    ("AvgPool2D", "delta"): "∂L/∂x[n, i·stride + t, j·stride + u, c] += δ[n, i, j, c] / k²",
    ("Flatten2D", "delta"): "∂L/∂x = δ.reshape(x.shape)",
    ("UpSampling2D", "delta"): "∂L/∂x[n, i, j, c] = Σ_tu δ[n, i·k + t, j·k + u, c]",
    ("BCELoss", "finite"): "max(-100, log ŷ);   ∂C/∂ŷ = (ŷ - y) / max(ŷ (1 - ŷ), ε)",
    ("Optim", "net_step"): "zero_grad; forward; δ = loss.backward(y, ŷ); backward; update_parameters(eps)",
    ("", "linearity"): "∂L/∂x = Jᵀ δ,   J = ∂z/∂x",
    ("", "accumulation"): "self._gradient += ...",
    ("", "zero_grad"): "self._gradient = np.zeros_like(self._parameters)",
    ("", "additivity"): "∂L/∂W = Σ_n ∂L_n/∂W",
    ("", "update_parameters"): "self._parameters -= gradient_step * self._gradient",
    ("", "delta"): "∂L/∂x_i = Σ_k δ_k ∂z_k/∂x_i",
    ("", "gradient"): "∂L/∂w_i += Σ_k δ_k ∂z_k/∂w_i",
    ("", "backward"): "∂C/∂ŷ = ∂(Σ_n C_n)/∂ŷ",
}  # fmt: skip


def right_line(kind: str, name: str) -> str:
    """Return the formula that a property of a kind must follow, empty if none is known.

    Parameters
    ----------
    kind : str
        A kind of module or loss, with the reading of a loss after a dot: ``"CrossEntropyLoss.nll"``.
    name : str
        The property.
    """
    whole = kind.partition(".")[0]
    if (whole, name) == ("MSELoss", "shapes"):
        return "".join(f"{line},   (batch,)" for line in _quoted(whole, "forward"))
    lines = _quoted(kind, name) or _quoted(whole, name)
    return "   |   ".join(lines) or _OTHERS.get((whole, name)) or _OTHERS.get(("", name), "")


def _quoted(kind: str, name: str) -> list[str]:
    lines = [formulas(each).get(name, "") for each in _LOSSES.get(kind, (kind,))]
    return [line for line in lines if line]


@cache
def formulas(name: str) -> dict[str, str]:
    """Return the formulas that the docstring of a class of diynn shows, by property.

    Empty for a name of no class, and where Python runs without docstrings. Of two formulas of the output, the
    second is the one that stays finite at extremes.
    """
    import diynn.layers
    import diynn.losses

    cls = getattr(diynn.layers, name, None) or getattr(diynn.losses, name, None)
    block = _BLOCK.search(cls.__doc__ or "") if cls is not None else None
    found: dict[str, str] = {}
    for line in block[1].splitlines() if block else ():
        formula = re.split(r" {4,}", line.strip())[0]
        known = (prop for start, prop in _BEGINNINGS.items() if formula.startswith(start))
        found[next(known, "finite" if "forward" in found else "forward")] = formula
    return found
