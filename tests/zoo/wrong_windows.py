# ruff: noqa: N803, NPY002
"""Convolutions and poolings done wrong."""

import numpy as np

from tests.zoo import mild, wrong
from tests.zoo.skeleton import Module


class _Conv(Module):
    def __init__(self, k_size, chan_in, chan_out, stride=1):
        super().__init__()
        self.k_size, self.chan_in, self.chan_out, self.stride = k_size, chan_in, chan_out, stride
        self._parameters = np.random.randn(k_size, chan_in, chan_out) * 0.1
        self._bias = np.random.randn(chan_out)
        self.zero_grad()

    def zero_grad(self):
        self._gradient = np.zeros(self._parameters.shape)
        self._bias_gradient = np.zeros(self._bias.shape)

    def size(self, X):
        return (X.shape[1] - self.k_size) // self.stride + 1

    def window(self, X, i):
        return X[:, i * self.stride : i * self.stride + self.k_size, :]

    def forward(self, X):
        out = np.zeros((X.shape[0], self.size(X), self.chan_out))
        for i in range(out.shape[1]):
            out[:, i] = np.tensordot(self.window(X, i), self._parameters, axes=([1, 2], [0, 1])) + self._bias
        return out

    def backward_update_gradient(self, input, delta):
        for i in range(delta.shape[1]):
            self._gradient += np.tensordot(self.window(input, i), delta[:, i], axes=([0], [0]))
        self._bias_gradient += delta.sum(axis=(0, 1))

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            start = i * self.stride
            out[:, start : start + self.k_size] += np.tensordot(
                delta[:, i], self._parameters, axes=([1], [2])
            )
        return out

    def update_parameters(self, gradient_step=1e-3):
        self._parameters -= gradient_step * self._gradient
        self._bias -= gradient_step * self._bias_gradient


@wrong("Conv1D", "conv.column_i")
class ConvColumnI(_Conv):
    def forward(self, X):
        out = np.zeros((X.shape[0], X.shape[1] - self.k_size + 1, self.chan_out))
        for i in range(0, X.shape[1] - self.k_size + 1, self.stride):
            piece = X[:, i : i + self.k_size, :].reshape(X.shape[0], -1)
            out[:, i, :] = piece @ self._parameters.reshape(-1, self.chan_out) + self._bias
        return out

    def backward_delta(self, input, delta):
        return super().backward_delta(input, delta)


@wrong("Conv1D", "conv.column_i")
class ConvHalf(_Conv):
    def forward(self, X):
        size = self.size(X)
        out = np.zeros((X.shape[0], size, self.chan_out))
        for i in range(0, size, self.stride):
            piece = X[:, i : i + self.k_size, :].reshape(X.shape[0], -1)
            out[:, i, :] = piece @ self._parameters.reshape(-1, self.chan_out) + self._bias
        return out


@wrong("Conv1D", "conv.no_stride")
class ConvStrideIgnored(_Conv):
    def forward(self, X):
        windows = np.stack([X[:, i : i + self.k_size] for i in range(self.size(X))], axis=1)
        return np.einsum("bokc,kcf->bof", windows, self._parameters) + self._bias


@wrong("Conv1D", "conv.column_i")
class ConvDeltaHalf(_Conv):
    def backward_delta(self, input, delta):
        size = delta.shape[1]
        out = np.zeros(input.shape)
        for i in range(0, size, self.stride):
            back = delta[:, i, :] @ self._parameters.reshape(-1, self.chan_out).T
            out[:, i : i + self.k_size, :] += back.reshape(-1, self.k_size, self.chan_in)
        return out


@wrong("Conv1D", "conv.assigned")
class ConvDeltaAssigned(_Conv):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            s = i * self.stride
            out[:, s : s + self.k_size] = np.einsum("bf,kcf->bkc", delta[:, i], self._parameters)
        return out


@wrong("Conv1D", "conv.no_stride")
class ConvDeltaNoStride(_Conv):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i : i + self.k_size] += np.einsum("bf,kcf->bkc", delta[:, i], self._parameters)
        return out


@wrong("Conv1D", "conv.flipped")
class ConvDeltaFlipped(_Conv):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            s = i * self.stride
            out[:, s : s + self.k_size] += np.einsum("bf,kcf->bkc", delta[:, i], self._parameters[::-1])
        return out


@wrong("Conv1D", "conv.gradient_assigned")
class ConvGradientAssigned(_Conv):
    def backward_update_gradient(self, input, delta):
        for i in range(delta.shape[1]):
            g = np.einsum("bkc,bf->kcf", self.window(input, i), delta[:, i])
        self._gradient += g
        self._bias_gradient += delta.sum(axis=(0, 1))


@wrong("Conv1D", "conv.column_i")
class ConvGradientHalf(_Conv):
    def backward_update_gradient(self, input, delta):
        for i in range(0, delta.shape[1], self.stride):
            self._gradient += np.einsum("bkc,bf->kcf", input[:, i : i + self.k_size], delta[:, i])
        self._bias_gradient += delta.sum(axis=(0, 1))


@wrong("Conv1D", "any.divided_by_batch")
class ConvGradientDivided(_Conv):
    def backward_update_gradient(self, input, delta):
        for i in range(delta.shape[1]):
            self._gradient += np.einsum("bkc,bf->kcf", self.window(input, i), delta[:, i]) / input.shape[0]
        self._bias_gradient += delta.sum(axis=(0, 1)) / input.shape[0]


@wrong("Conv1D", "bias.averaged")
class ConvBiasAveraged(_Conv):
    def backward_update_gradient(self, input, delta):
        for i in range(delta.shape[1]):
            self._gradient += np.einsum("bkc,bf->kcf", self.window(input, i), delta[:, i])
        self._bias_gradient += delta.mean(axis=(0, 1))


@wrong("Conv1D", "any.overwritten")
class ConvOverwrites(_Conv):
    def backward_update_gradient(self, input, delta):
        self._gradient = sum(
            np.einsum("bkc,bf->kcf", self.window(input, i), delta[:, i]) for i in range(delta.shape[1])
        )
        self._bias_gradient = delta.sum(axis=(0, 1))


@wrong("Conv1D", "conv.last_window")
class ConvLastWindow(_Conv):
    def size(self, X):
        return (X.shape[1] - self.k_size - 1) // self.stride + 1


@mild("Conv1D", "any.cached")
class ConvWindowsCached(_Conv):
    def forward(self, X):
        self.windows = np.stack([self.window(X, i) for i in range(self.size(X))], axis=1)
        return np.einsum("bokc,kcf->bof", self.windows, self._parameters) + self._bias

    def backward_update_gradient(self, input, delta):
        self._gradient += np.einsum("bokc,bof->kcf", self.windows, delta)
        self._bias_gradient += delta.sum(axis=(0, 1))


class _Pool(Module):
    def __init__(self, k_size, stride):
        self.k_size = k_size
        self.stride = stride
        self._parameters = None

    def size(self, X):
        return (X.shape[1] - self.k_size) // self.stride + 1

    def forward(self, X):
        out = np.zeros((X.shape[0], self.size(X), X.shape[2]))
        for i in range(out.shape[1]):
            out[:, i] = X[:, i * self.stride : i * self.stride + self.k_size].max(axis=1)
        return out

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        b, c = np.arange(input.shape[0])[:, None], np.arange(input.shape[2])[None, :]
        for i in range(delta.shape[1]):
            s = i * self.stride
            out[b, s + input[:, s : s + self.k_size].argmax(axis=1), c] += delta[:, i]
        return out


@wrong("MaxPool1D", "conv.assigned")
class PoolAssigned(_Pool):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        batch, chan = input.shape[0], input.shape[2]
        for i in range(delta.shape[1]):
            idx = (
                np.argmax(input[:, i * self.stride : i * self.stride + self.k_size], axis=1) + i * self.stride
            )
            out[np.repeat(range(batch), chan), idx.flatten(), list(range(chan)) * batch] = delta[
                :, i
            ].reshape(-1)
        return out


@wrong("MaxPool1D", "conv.column_i")
class PoolColumnI(_Pool):
    def forward(self, X):
        out = np.zeros((X.shape[0], self.size(X), X.shape[2]))
        for i in range(0, X.shape[1] - self.k_size + 1, self.stride):
            if i < out.shape[1]:
                out[:, i] = np.max(X[:, i : i + self.k_size], axis=1)
        return out


@wrong("MaxPool1D", "conv.column_i")
class PoolHalf(_Pool):
    def forward(self, X):
        size = self.size(X)
        out = np.zeros((X.shape[0], size, X.shape[2]))
        for i in range(0, size, self.stride):
            out[:, i, :] = np.max(X[:, i : i + self.k_size, :], axis=1)
        return out


@wrong("MaxPool1D", "pool.no_offset")
class PoolNoOffset(_Pool):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for b in range(delta.shape[0]):
            for i in range(delta.shape[1]):
                for c in range(delta.shape[2]):
                    window = input[b, i * self.stride : i * self.stride + self.k_size, c]
                    out[b, np.argmax(window), c] += delta[b, i, c]
        return out


@wrong("MaxPool1D", "pool.everywhere")
class PoolEverywhere(_Pool):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i * self.stride : i * self.stride + self.k_size] += delta[:, i : i + 1]
        return out


@wrong("MaxPool1D", "pool.over_channels")
class PoolOverChannels(_Pool):
    def forward(self, X):
        out = np.zeros((X.shape[0], self.size(X), X.shape[2]))
        for i in range(out.shape[1]):
            window = X[:, i * self.stride : i * self.stride + self.k_size]
            out[:, i] = window.max(axis=(1, 2))[:, None]
        return out


@wrong("MaxPool1D", "activation.no_delta")
class PoolMaskOnly(_Pool):
    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        b, c = np.arange(input.shape[0])[:, None], np.arange(input.shape[2])[None, :]
        for i in range(delta.shape[1]):
            s = i * self.stride
            out[b, s + input[:, s : s + self.k_size].argmax(axis=1), c] = 1
        return out


@wrong("MaxPool1D", "pool.mean_for_max")
class PoolMean(_Pool):
    def forward(self, X):
        starts = range(0, X.shape[1] - self.k_size + 1, self.stride)
        return np.stack([X[:, i : i + self.k_size].mean(axis=1) for i in starts], axis=1)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i * self.stride : i * self.stride + self.k_size] += delta[:, i : i + 1] / self.k_size
        return out


@mild("MaxPool1D", "any.cached")
class PoolIndexCached(_Pool):
    def forward(self, X):
        starts = [i * self.stride for i in range(self.size(X))]
        self.idx = np.stack([s + X[:, s : s + self.k_size].argmax(axis=1) for s in starts], axis=1)
        return np.take_along_axis(X, self.idx, axis=1)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for b, i, c in np.ndindex(delta.shape):
            out[b, self.idx[b, i, c], c] += delta[b, i, c]
        return out


@wrong("AvgPool1D", "pool.not_divided")
class AvgPoolNotDivided(_Pool):
    def forward(self, X):
        starts = range(0, X.shape[1] - self.k_size + 1, self.stride)
        return np.stack([X[:, i : i + self.k_size].mean(axis=1) for i in starts], axis=1)

    def backward_delta(self, input, delta):
        out = np.zeros(input.shape)
        for i in range(delta.shape[1]):
            out[:, i * self.stride : i * self.stride + self.k_size] += delta[:, [i]]
        return out
