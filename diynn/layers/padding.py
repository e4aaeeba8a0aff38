"""The base of convolution and pooling: windows over a sequence, and its padding."""

from __future__ import annotations

from math import isinf

from diynn.arguments import integer_from
from diynn.arrays import Array
from diynn.module import Module
from diynn.ops import pad, unpad
from diynn.shapes import positive, window_count
from diynn.wording import shown


class Windowed(Module):
    """A layer of windows of ``k_size`` steps, ``stride`` apart, in a sequence with ``padding`` around it.

    ``padding`` is the number of steps before, and after; or ``"same"``: as many in total as give
    ceil(length / stride) windows, an odd one at the end, as in TensorFlow (and PyTorch, at stride 1).
    """

    outside = 0.0  # the value of the padding
    k_size: int
    stride: int
    padding: int | str

    def _set_windows(self, k_size: int, stride: int, padding: int | str) -> None:
        owner, what = type(self).__name__, "'same', 'valid' or a number of steps from 0"
        self.k_size, self.stride = positive(owner, "k_size", k_size), positive(owner, "stride", stride)
        if not isinstance(padding, str):
            self.padding = integer_from(0, owner, "padding", padding, what)
        elif padding in ("same", "valid"):
            self.padding = 0 if padding == "valid" else padding
        else:
            raise ValueError(f"{owner}: `padding` must be {what}, got {shown(padding)}")
        if isinf(self.outside) and isinstance(self.padding, int) and self.padding > self.k_size // 2:
            raise ValueError(
                f"{owner}: `padding` must be at most half of `k_size`, {self.k_size // 2}, so that no "
                f"window lies outside of the sequence, got {self.padding}"
            )

    def _shown_padding(self) -> str:
        return f", padding={self.padding!r}" if self.padding else ""

    def _around(self, length: int) -> tuple[int, int]:
        """Return the numbers of steps of padding before and after a sequence."""
        if isinstance(self.padding, int):
            return self.padding, self.padding
        both = max(0, (-(-length // self.stride) - 1) * self.stride + self.k_size - length)
        return both // 2, both - both // 2

    def _count(self, length: int | None) -> int | None:
        """Return the number of windows in a sequence; raise ValueError if it is empty, or has none."""
        if length is None:
            return None
        least = 1 if isinstance(self.padding, str) else max(1, self.k_size - 2 * self.padding)
        if length < least:
            less = f"k_size{' less the padding' if self.padding else ''}"
            raise ValueError(f"{self!r}: `data` must have length >= {least} ({less}), got {length}")
        return window_count(length + sum(self._around(length)), self.k_size, self.stride)

    def _padded(self, data: Array) -> Array:
        """Return (batch, before + length + after, chan); ``data`` itself without padding."""
        before, after = self._around(data.shape[1])
        return pad(data, before, after, self.outside) if before or after else data

    def _inside(self, back: Array, length: int) -> Array:
        """Return a padded sequence without its padding: the adjoint of ``_padded``."""
        before, after = self._around(length)
        return unpad(back, before, after) if before or after else back
