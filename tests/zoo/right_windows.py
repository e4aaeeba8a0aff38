# ruff: noqa: N803, NPY002
"""Convolutions and poolings in varied styles, all of them right."""

import numpy as np

from tests.zoo import right
from tests.zoo.skeleton import Module


@right("Conv1D")
class ConvLoops(Module):
    def __init__(self, k_size, chan_in, chan_out, stride=1):
        super().__init__()
        self._k_size, self._chan_in, self._chan_out, self._stride = k_size, chan_in, chan_out, stride
        self._parameters = np.random.uniform(-0.1, 0.1, (k_size, chan_in, chan_out))
        self._gradient = np.zeros((k_size, chan_in, chan_out))

    def zero_grad(self):
        self._gradient = np.zeros(self._gradient.shape)

    def forward(self, X):
        batch, length, _ = X.shape
        size = (length - self._k_size) // self._stride + 1
        out = np.zeros((batch, size, self._chan_out))
        for b in range(batch):
            for i in range(size):
                for f in range(self._chan_out):
                    s = i * self._stride
                    out[b, i, f] = np.sum(X[b, s : s + self._k_size] * self._parameters[:, :, f])
        return out

    def backward_update_gradient(self, input, delta):
        for b, i, f in np.ndindex(delta.shape):
            s = i * self._stride
            self._gradient[:, :, f] += input[b, s : s + self._k_size] * delta[b, i, f]

    def backward_delta(self, input, delta):
        out = np.zeros_like(input, dtype=float)
        for b, i, f in np.ndindex(delta.shape):
            s = i * self._stride
            out[b, s : s + self._k_size] += self._parameters[:, :, f] * delta[b, i, f]
        return out


@right("Conv1D")
class ConvEinsum(Module):
    """Strided windows, einsum, and a bias."""

    def __init__(self, kernel_size, in_channels, out_channels, strides=1):
        super().__init__()
        self.k, self.s = kernel_size, strides
        self._parameters = np.random.randn(kernel_size, in_channels, out_channels)
        self._bias = np.zeros(out_channels)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros_like(self._parameters)
        self._bias_gradient = np.zeros_like(self._bias)

    def windows(self, X):
        return np.lib.stride_tricks.sliding_window_view(X, self.k, axis=1)[:, :: self.s]

    def forward(self, X):
        return np.einsum("nick,kcf->nif", self.windows(X), self._parameters) + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += np.einsum("nick,nif->kcf", self.windows(input), delta)
        self._bias_gradient += np.einsum("nif->f", delta)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        back = np.einsum("nif,kcf->nikc", delta, self._parameters)
        for i in range(delta.shape[1]):
            out[:, i * self.s : i * self.s + self.k] += back[:, i]
        return out

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient


@right("Conv1D")
class ConvMatrix(Module):
    """Im2col: the weights are a matrix (taps and channels, filters) with the bias as its last row."""

    def __init__(self, filter_size, chan_in, nb_filters, stride=1):
        self.filter_size, self.chan_in, self.stride = filter_size, chan_in, stride
        self._parameters = np.random.randn(filter_size * chan_in + 1, nb_filters) * 0.1
        self._gradient = np.zeros_like(self._parameters)

    def zero_grad(self):
        self._gradient.fill(0)

    def columns(self, X):
        starts = range(0, X.shape[1] - self.filter_size + 1, self.stride)
        rows = np.stack([X[:, i : i + self.filter_size].reshape(len(X), -1) for i in starts], axis=1)
        return np.concatenate([rows, np.ones((*rows.shape[:2], 1))], axis=2)

    def forward(self, X):
        return self.columns(X) @ self._parameters

    def backward_update_gradient(self, input, delta):
        self._gradient += np.tensordot(self.columns(input), delta, axes=([0, 1], [0, 1]))

    def backward_delta(self, input, delta):
        back = (delta @ self._parameters[:-1].T).reshape(*delta.shape[:2], self.filter_size, self.chan_in)
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i * self.stride : i * self.stride + self.filter_size] += back[:, i]
        return out


@right("Conv1D")
class ConvTaps(Module):
    """A sum over the taps; weights (out, in, k) as in other libraries."""

    def __init__(self, in_chan, out_chan, ksize, stride=1):
        super().__init__()
        self.ksize, self.stride = ksize, stride
        self._W = np.random.randn(out_chan, in_chan, ksize) * 0.1
        self._gradient_W = np.zeros_like(self._W)

    def zero_grad(self):
        self._gradient_W[...] = 0

    def taps(self, X):
        last = X.shape[1] - self.ksize + 1
        return [X[:, t : t + last : self.stride] for t in range(self.ksize)]

    def forward(self, X):
        return sum(part @ self._W[:, :, t].T for t, part in enumerate(self.taps(X)))

    def backward_update_gradient(self, input, delta):
        for t, part in enumerate(self.taps(input)):
            self._gradient_W[:, :, t] += np.einsum("nif,nic->fc", delta, part)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        last = input.shape[1] - self.ksize + 1
        for t in range(self.ksize):
            out[:, t : t + last : self.stride] += delta @ self._W[:, :, t]
        return out

    def update_parameters(self, gradient_step=1e-3):
        self._W -= gradient_step * self._gradient_W


@right("MaxPool1D")
class PoolLoops(Module):
    def __init__(self, k_size, stride):
        self.k_size, self.stride = k_size, stride

    def forward(self, X):
        size = (X.shape[1] - self.k_size) // self.stride + 1
        out = np.zeros((X.shape[0], size, X.shape[2]))
        for b, i, c in np.ndindex(out.shape):
            out[b, i, c] = max(X[b, i * self.stride : i * self.stride + self.k_size, c])
        return out

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for b, i, c in np.ndindex(delta.shape):
            s = i * self.stride
            out[b, s + np.argmax(input[b, s : s + self.k_size, c]), c] += delta[b, i, c]
        return out


@right("MaxPool1D")
class PoolSheet(Module):
    """The sheet's own trick with repeat, added up by np.add.at."""

    def __init__(self, kernel_size, stride=None):
        self.k = kernel_size
        self.s = stride or kernel_size

    def forward(self, X):
        w = np.lib.stride_tricks.sliding_window_view(X, self.k, axis=1)[:, :: self.s]
        return w.max(axis=-1)

    def backward_delta(self, input, delta):
        batch, _, chan = input.shape
        res = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            idx = input[:, i * self.s : i * self.s + self.k].argmax(axis=1) + i * self.s
            np.add.at(
                res,
                (np.repeat(range(batch), chan), idx.ravel(), list(range(chan)) * batch),
                delta[:, i].ravel(),
            )
        return res


@right("MaxPool1D")
class PoolLastTie(Module):
    """A tie goes to the last maximum, which is as good as the first."""

    def __init__(self, k_size, stride):
        self.k_size, self.stride = k_size, stride

    def forward(self, X):
        starts = range(0, X.shape[1] - self.k_size + 1, self.stride)
        return np.stack([X[:, s : s + self.k_size].max(axis=1) for s in starts], axis=1)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for b, i, c in np.ndindex(delta.shape):
            window = input[b, i * self.stride : i * self.stride + self.k_size, c]
            out[b, i * self.stride + self.k_size - 1 - np.argmax(window[::-1]), c] += delta[b, i, c]
        return out


@right("AvgPool1D")
class AvgPoolMean(Module):
    def __init__(self, k_size, stride):
        self.k_size, self.stride = k_size, stride

    def forward(self, X):
        starts = range(0, X.shape[1] - self.k_size + 1, self.stride)
        return np.stack([X[:, s : s + self.k_size].mean(axis=1) for s in starts], axis=1)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i * self.stride : i * self.stride + self.k_size] += delta[:, [i]] / self.k_size
        return out
