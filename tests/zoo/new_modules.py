# ruff: noqa: N803, NPY002
"""Constructors of every kind, images, remembered outputs, and two mistakes at once."""

import numpy as np

from tests.zoo import mild, right, wrong
from tests.zoo.skeleton import Module
from tests.zoo.wrong_layers import _Linear
from tests.zoo.wrong_windows import _Conv, _Pool

# ------------------------------------------------------------ constructors


class _Matrix(Module):
    """A linear map without bias, of any two sizes."""

    def make(self, inputs, outputs):
        self._parameters = np.random.randn(inputs, outputs)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)

    def forward(self, X):
        return X @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta

    def backward_delta(self, input, delta):
        return delta @ self._parameters.T


@right("")
class Linear(_Matrix):
    """Its inputs are called n, its outputs d."""

    def __init__(self, n, d):
        self.make(n, d)


@right("")
class LinearLayer(_Matrix):
    """The other way round."""

    def __init__(self, d, n):
        self.make(d, n)


@right("Linear")
class LinearOutputsFirst(_Matrix):
    def __init__(self, output, input):
        self.make(input, output)


@right("")
class ReLU(Module):
    def __init__(self, threshold):
        self.threshold = threshold

    def forward(self, X):
        return np.where(self.threshold < X, X, 0.0)

    def backward_delta(self, input, delta):
        return np.where(input > self.threshold, delta, 0.0)


@wrong("ReLU", "relu.other_side")
class ReLUThresholdReversed(ReLU):
    def backward_delta(self, input, delta):
        return np.where(input <= self.threshold, delta, 0.0)


@right("")
class TanH(Module):
    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.shape = input_dim, output_dim

    def forward(self, X):
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input) ** 2)


@right("Linear")
class LinearZeroesItself(_Matrix):
    """The gradient is zeroed after the step, as some do."""

    def __init__(self, input, output):
        self.make(input, output)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self.zero_grad()


@wrong("Linear", "raises")
class LinearTransposedOutput(_Matrix):
    """It would run if its sizes were given the other way round; but they say which is which."""

    def __init__(self, n_in, n_out):
        self.make(n_in, n_out)

    def forward(self, X):
        return X @ self._parameters.T


@right("")
class LeakyReLU(Module):
    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def forward(self, X):
        return np.where(X > 0, X, self.alpha * X)

    def backward_delta(self, input, delta):
        return np.where(input > 0, delta, self.alpha * delta)


@right("")
class BatchNorm(Module):
    """Of no kind of the sheet: its examples depend on one another, as they should."""

    def __init__(self, dim):
        self._parameters = np.ones((1, dim))
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)

    def standard(self, X):
        return (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-5)

    def forward(self, X):
        return self._parameters * self.standard(X)

    def backward_update_gradient(self, input, delta):
        self._gradient += (delta * self.standard(input)).sum(axis=0, keepdims=True)

    def backward_delta(self, input, delta):
        z, d = self.standard(input), delta * self._parameters
        return (d - d.mean(axis=0) - z * (d * z).mean(axis=0)) / np.sqrt(input.var(axis=0) + 1e-5)


# ------------------------------------------------------------ the shape of the bias


@right("Linear")
class LinearRowOfBias(_Linear):
    """A bias (1, out) and its gradient (out,): a step leaves the bias's shape as it is."""

    def __init__(self, input, output):
        super().__init__(input, output)
        self._bias = np.random.randn(1, output)

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)
        self._bias_gradient = np.zeros(self._parameters.shape[1])

    def forward(self, X):
        return X @ self._parameters + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient += delta.sum(axis=0)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient


@wrong("Linear", "bias.column")
class LinearBiasGrowsAnAxis(_Linear):
    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)
        self._bias_gradient = np.zeros((1, self._parameters.shape[1]))

    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta
        self._bias_gradient = self._bias_gradient + delta.sum(axis=0, keepdims=True)

    def update_parameters(self, gradient_step=1e-3):
        self._parameters = self._parameters - gradient_step * self._gradient
        self._bias = self._bias - gradient_step * self._bias_gradient


# ------------------------------------------------------------ what is remembered


@mild("Tanh", "any.cached")
class TanhNeedsForward(Module):
    """There is nothing to look at before the first forward."""

    def forward(self, X):
        self.derivative = 1 - np.tanh(X) ** 2
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta * self.derivative


@wrong("Tanh", "any.stale")
class TanhOfTheFirstBatch(Module):
    def forward(self, X):
        if getattr(self, "derivative", None) is None:
            self.derivative = 1 - np.tanh(X) ** 2
        return np.tanh(X)

    def backward_delta(self, input, delta):
        return delta * self.derivative


@mild("Tanh", "any.truncates")
class TanhOfIntegers(Module):
    def forward(self, X):
        out = np.empty_like(X)
        out[...] = np.tanh(X)
        return out

    def backward_delta(self, input, delta):
        return delta * (1 - np.tanh(input) ** 2)


# ------------------------------------------------------------ images


class _Image(Module):
    def __init__(self, k_size=2, stride=2):
        super().__init__()
        self.k, self.s = k_size, stride

    def places(self, X):
        axes = self.axes
        sizes = [(X.shape[axis] - self.k) // self.s + 1 for axis in axes]
        for i, j in np.ndindex(*sizes):
            window, one = [slice(None)] * 4, [slice(None)] * 4
            window[axes[0]] = slice(i * self.s, i * self.s + self.k)
            window[axes[1]] = slice(j * self.s, j * self.s + self.k)
            one[axes[0]], one[axes[1]] = i, j
            yield tuple(window), tuple(one)

    def size(self, X):
        shape = list(X.shape)
        for axis in self.axes:
            shape[axis] = (X.shape[axis] - self.k) // self.s + 1
        return np.zeros(shape)


@right("")
class MaxPool2D(_Image):
    axes = (1, 2)

    def forward(self, X):
        out = self.size(X)
        for window, one in self.places(X):
            out[one] = X[window].max(axis=self.axes)
        return out

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for window, one in self.places(input):
            part = input[window]
            hit = part == part.max(axis=self.axes, keepdims=True)
            out[window] += hit * np.expand_dims(delta[one], self.axes)
        return out


@right("MaxPool2D")
class MaxPool2DOfPairs(Module):
    """Its window is given as a pair, and there is no stride."""

    def __init__(self, pool_size=(2, 2)):
        super().__init__()
        self.height, self.width = pool_size

    def tiles(self, X):
        n, h, w, c = X.shape
        return X.reshape(n, h // self.height, self.height, w // self.width, self.width, c)

    def forward(self, X):
        return self.tiles(X).max(axis=(2, 4))

    def backward_delta(self, input, delta):
        tiles = self.tiles(input)
        hit = tiles == tiles.max(axis=(2, 4), keepdims=True)
        return (hit * delta[:, :, None, :, None]).reshape(input.shape)


@right("MaxPool2D")
class MaxPool2DChannelsFirst(MaxPool2D):
    axes = (2, 3)


@wrong("MaxPool2D", "pool.mean_for_max")
class MaxPool2DMean(_Image):
    axes = (1, 2)

    def forward(self, X):
        out = self.size(X)
        for window, one in self.places(X):
            out[one] = X[window].mean(axis=self.axes)
        return out

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for window, one in self.places(input):
            out[window] += np.expand_dims(delta[one], self.axes) / self.k**2
        return out


@wrong("MaxPool2D", "pool.everywhere")
class MaxPool2DEverywhere(MaxPool2D):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for window, one in self.places(input):
            out[window] += np.expand_dims(delta[one], self.axes)
        return out


@wrong("MaxPool2D", "conv.assigned")
class MaxPool2DAssigned(MaxPool2D):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for window, one in self.places(input):
            part = input[window]
            hit = part == part.max(axis=self.axes, keepdims=True)
            out[window] = hit * np.expand_dims(delta[one], self.axes)
        return out


@wrong("AvgPool2D", "pool.not_divided")
class AvgPool2DNotDivided(MaxPool2DMean):
    axes = (2, 3)

    def backward_delta(self, input, delta):
        return super().backward_delta(input, delta) * self.k**2


@right("")
class Flatten2D(Module):
    def forward(self, X):
        return X.reshape(len(X), -1)

    def backward_delta(self, input, delta):
        return delta.reshape(input.shape)


@right("")
class UpSampling(Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, X):
        return X.repeat(self.scale, axis=1).repeat(self.scale, axis=2)

    def backward_delta(self, input, delta):
        n, h, w, c = input.shape
        return delta.reshape(n, h, self.scale, w, self.scale, c).sum(axis=(2, 4))


@wrong("UpSampling2D", "upsampling.first")
class UpSamplingFirst(UpSampling):
    def backward_delta(self, input, delta):
        return delta[:, :: self.scale, :: self.scale]


class _Conv2D(Module):
    """Channels first, weights (out, in, k, k)."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        self.k, self.s = kernel_size, stride
        self._parameters = np.random.randn(out_channels, in_channels, kernel_size, kernel_size)
        self._bias = np.random.randn(out_channels)
        self.zero_grad()

    def zero_grad(self):
        self._gradient, self._bias_gradient = np.zeros(self._parameters.shape), np.zeros(self._bias.shape)

    def windows(self, X):
        found = np.lib.stride_tricks.sliding_window_view(X, (self.k, self.k), axis=(2, 3))
        return found[:, :, :: self.s, :: self.s]

    def forward(self, X):
        out = np.einsum("ncijtu,octu->noij", self.windows(X), self._parameters)
        return out + self._bias[:, None, None]

    def backward_update_gradient(self, input, delta):
        self._gradient += np.einsum("ncijtu,noij->octu", self.windows(input), delta)
        self._bias_gradient += delta.sum(axis=(0, 2, 3))

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i, j in np.ndindex(*delta.shape[2:]):
            part = np.einsum("no,octu->nctu", delta[:, :, i, j], self._parameters)
            out[:, :, i * self.s : i * self.s + self.k, j * self.s : j * self.s + self.k] += part
        return out

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient


@right("Conv2D")
class Conv2DChannelsFirst(_Conv2D):
    pass


@wrong("Conv2D", "any.divided_by_batch")
class Conv2DDivided(_Conv2D):
    def backward_delta(self, input, delta):
        return super().backward_delta(input, delta) / len(input)


# ------------------------------------------------------------ what is common and had no name


@wrong("Conv1D", "any.divided_by_batch")
class ConvDividedAndBiasAveraged(_Conv):
    """Two mistakes at once: the weights by the batch, the bias by the windows as well."""

    def backward_update_gradient(self, input, delta):
        old, bias = self._gradient.copy(), self._bias_gradient.copy()
        super().backward_update_gradient(input, delta)
        self._gradient = old + (self._gradient - old) / len(input)
        self._bias_gradient = bias + delta.mean(axis=(0, 1))


@wrong("Linear", "any.divided_by_batch")
class LinearDividedAndBiasOfAll(_Linear):
    def backward_update_gradient(self, input, delta):
        self._gradient += input.T @ delta / len(input)
        self._bias_gradient += delta.sum()


@wrong("Conv1D", "conv.axes")
class ConvWindowsReshaped(_Conv):
    """A window (k, chan) is laid into (chan, k)."""

    def forward(self, X):
        weights = self._parameters.transpose(1, 0, 2).reshape(-1, self.chan_out)
        out = np.zeros((len(X), self.size(X), self.chan_out))
        for i in range(out.shape[1]):
            out[:, i] = X[:, i * self.stride : i * self.stride + self.k_size].reshape(len(X), -1) @ weights
        return out + self._bias


@wrong("Conv1D", "conv.axes")
class ConvGradientReshaped(_Conv):
    def backward_update_gradient(self, input, delta):
        for i in range(delta.shape[1]):
            window = input[:, i * self.stride : i * self.stride + self.k_size].reshape(len(input), -1)
            part = (window.T @ delta[:, i]).reshape(self.chan_in, self.k_size, self.chan_out)
            self._gradient += part.transpose(1, 0, 2)
        self._bias_gradient += delta.sum(axis=(0, 1))


@wrong("Conv1D", "conv.column_i")
class ConvWide(_Conv):
    """As wide as at stride 1, with holes."""

    def forward(self, X):
        out = np.zeros((len(X), X.shape[1] - self.k_size + 1, self.chan_out))
        for i in range(0, out.shape[1], self.stride):
            out[:, i] = np.einsum("nkc,kco->no", X[:, i : i + self.k_size], self._parameters)
            out[:, i] += self._bias
        return out


@wrong("MaxPool1D", "conv.no_stride")
class PoolWide(_Pool):
    def forward(self, X):
        return np.stack(
            [X[:, i : i + self.k_size].max(axis=1) for i in range(X.shape[1] - self.k_size + 1)], 1
        )
