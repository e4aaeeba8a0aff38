"""Layers that draw random numbers in training mode: dropout and Gaussian noise."""

from __future__ import annotations

from typing import Any
from weakref import ref

from diynn.arrays import Array, BackendLike, namespace
from diynn.initializers import Seed, as_generator
from diynn.module import Module
from diynn.ops import draw
from diynn.shapes import check_batch, fraction, positive_number

__all__ = ["Dropout", "GaussianNoise"]

_LAST = -1  # no object has this id


class Dropout(Module):
    """Each value set to zero with probability p while the net is trained, the others scaled up.

    ::

        z = x m / (1 - p),   m = 1 with probability 1 - p, else 0      any shape (batch, ...), kept
        ∂L/∂x = δ m / (1 - p)
        z = x                where ``training`` is false: after ``net.eval()``, in ``diynn.predict``

    ``backward_delta`` uses the m that was drawn for the same array, so that one instance may occur twice in a
    net; for an array that ``forward`` has not seen, the last m.

    Parameters
    ----------
    p : float
        In [0, 1).
    rng : seed or numpy.random.Generator, optional
        Draws m, on the host.
    backend : optional
        Taken as by every layer; this one has no arrays.

    Raises
    ------
    ValueError
        If p is not in [0, 1); by ``backward_delta`` in training, if no m of that shape was drawn.

    Source: Srivastava et al., 2014, scaled in training ("inverted").
    """

    per_example = pure = True  # it draws by `draw`, and looks its state up by the data

    def __init__(self, p: float = 0.5, *, rng: Seed = None, backend: BackendLike = None) -> None:
        super().__init__(backend=backend)
        self.p = fraction("Dropout", "p", p)
        self.rng = as_generator("Dropout", rng)
        self._kept: dict[int, tuple[Any, Array]] = {}

    def __repr__(self) -> str:
        return f"Dropout({self.p})"

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_kept": {}}

    def forward(self, data: Array) -> Array:
        """Return x m / (1 - p), or x."""
        check_batch(self, data)
        if not self.training:
            return data
        kept, place = self._kept, id(data)
        mask = draw(data, self.rng, "random") >= self.p
        kept[place] = ref(data, lambda gone: kept.pop(place, None)), mask
        kept[_LAST] = None, mask
        return namespace(data).where(mask, data / (1 - self.p), 0.0)

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ m / (1 - p), or δ (eq. 2)."""
        check_batch(self, data, delta)
        _, mask = self._kept.get(id(data)) or self._kept.get(_LAST) or (None, None)
        if mask is None and not self.training:
            return delta
        if mask is None or mask.shape != data.shape:
            raise ValueError(
                f"{self!r}: `data` must be what forward was called with, which drew a mask for it; "
                "net.eval() turns the draws off"
            )
        return namespace(delta).where(mask, delta / (1 - self.p), 0.0)


class GaussianNoise(Module):
    """Normal noise added to each value while the net is trained.

    ::

        z = x + scale · n,   n ~ N(0, 1)                               any shape (batch, ...), kept
        ∂L/∂x = δ
        z = x                where ``training`` is false: after ``net.eval()``, in ``diynn.predict``

    Before the first layer of an autoencoder it makes a denoising one.

    Parameters
    ----------
    scale : float
        The standard deviation, in the unit of the data.
    rng : seed or numpy.random.Generator, optional
        Draws n, on the host.
    backend : optional
        Taken as by every layer; this one has no arrays.

    Raises
    ------
    ValueError
        If the scale is not positive.

    Source: Bishop, 1995; Vincent et al., 2008, for autoencoders.
    """

    per_example = pure = True  # it draws by `draw`

    def __init__(self, scale: float, *, rng: Seed = None, backend: BackendLike = None) -> None:
        super().__init__(backend=backend)
        self.scale = positive_number("GaussianNoise", "scale", scale)
        self.rng = as_generator("GaussianNoise", rng)

    def __repr__(self) -> str:
        return f"GaussianNoise({self.scale})"

    def forward(self, data: Array) -> Array:
        """Return x + scale · n, or x."""
        check_batch(self, data)
        if not self.training:
            return data
        return data + self.scale * draw(data, self.rng, "standard_normal")

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return δ (eq. 2)."""
        check_batch(self, data, delta)
        return delta
