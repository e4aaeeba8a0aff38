"""The layers whose outputs are made of windows of a sequence, one case each."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import diynn
from tests.cases.case import LayerCase, LayerValue, draws, sequence
from tests.cases.theirs import windowed


def paddings(k_size):
    return ["same", 0, k_size // 2]


def convolution(pick, **new):
    k_size, *sizes = draws(4, pick)
    padding = [*paddings(k_size), k_size + 1][pick(0, 3)]
    return diynn.Conv1D(k_size, *sizes, padding=padding, bias=bool(pick(0, 1)), **new)


def pooling(layer, pick):
    k_size, stride = draws(2, pick)
    return layer(k_size, stride, padding=paddings(k_size)[pick(0, 2)])


def ties(layer, data):
    """Return by how much the largest value of each window is larger than the next."""
    if layer.k_size == 1:
        return np.asarray(np.inf)
    around = np.pad(data, ((0, 0), layer._around(data.shape[1]), (0, 0)), constant_values=-np.inf)
    ordered = np.sort(sliding_window_view(around, layer.k_size, axis=1)[:, :: layer.stride], axis=-1)
    return ordered[..., -1] - ordered[..., -2]


WINDOWS = [
    LayerCase(
        "Conv1D",
        convolution,
        torch=lambda layer, data, weight, bias=None: windowed(
            "conv1d", layer, data, weight.permute(2, 1, 0).contiguous(), bias
        ),
        value=[
            # Windows (1, 2) and (3, 4), two steps apart; the fifth step is in none of them.
            # y: 1·1 + 2·10 + 0.5, -1 + 2·0.5 - 3; 3·1 + 4·10 + 0.5, -3 + 4·0.5 - 3.
            LayerValue(
                layer=lambda **new: diynn.Conv1D(2, 1, 2, 2, **new),
                data=sequence([1, 2, 3, 4, 5]),
                parameters=[[[[1, -1]], [[10, 0.5]]], [0.5, -3]],
                output=sequence([21.5, 43.5], [-3, -4]),
                delta=sequence([1, 3], [2, -1]),
                back=sequence([-1, 11, 4, 29.5, 0]),
                gradients=[[[[1 + 9, 2 - 3]], [[2 + 12, 4 - 4]]], [4, 1]],
            ),
            # "same": three windows two steps apart take one step of zeros, behind: (1, 2), (3, 4), (5, 0).
            LayerValue(
                layer=lambda **new: diynn.Conv1D(2, 1, 2, 2, padding="same", **new),
                data=sequence([1, 2, 3, 4, 5]),
                parameters=[[[[1, -1]], [[10, 0.5]]], [0.5, -3]],
                output=sequence([21.5, 43.5, 5.5], [-3, -4, -8]),
                delta=sequence([1, 3, 2], [2, -1, 1]),
                back=sequence([-1, 11, 4, 29.5, 1]),
                gradients=[[[[1 + 9 + 10, 2 - 3 + 5]], [[2 + 12, 4 - 4]]], [6, 2]],
            ),
            # Two windows that share the middle step, which gets δ₀ W₁ + δ₁ W₀ = [-1, 3] - 2·[1, 2].
            LayerValue(
                layer=lambda **new: diynn.Conv1D(2, 2, 1, bias=False, **new),
                data=sequence([1, 2, 0], [0, 1, 3]),
                parameters=[[[[1], [2]], [[-1], [3]]]],
                output=sequence([1 - 2 + 3, 2 + 2 + 9]),
                delta=sequence([1, -2]),
                back=sequence([1, -3, 2], [2, -1, -6]),
                gradients=[[[[1 - 4], [0 - 2]], [[2 - 0], [1 - 6]]]],
            ),
        ],
    ),
    LayerCase(
        "MaxPool1D",
        lambda pick, **new: pooling(diynn.MaxPool1D, pick),
        torch=lambda layer, data: windowed("max_pool1d", layer, data, layer.k_size, outside=-np.inf),
        kinks=ties,
        value=[
            # Overlapping windows, ties to the first maximum. First channel: (1 5 2) (5 2 5) (2 5 0), the
            # maxima at 1, 1, 3; second: (-3 -3 -4) (-3 -4 -5) (-4 -5 -6), at 0, 1, 2.
            LayerValue(
                layer=lambda **new: diynn.MaxPool1D(3, 1),
                data=sequence([1, 5, 2, 5, 0], [-3, -3, -4, -5, -6]),
                output=sequence([5, 5, 5], [-3, -3, -4]),
                delta=sequence([1, 10, 100], [2, 20, 200]),
                back=sequence([0, 11, 0, 100, 0], [2, 20, 200, 0, 0]),
            ),
            # Windows (4 1) and (2 7): 9 and 8 are in none.
            LayerValue(
                layer=lambda **new: diynn.MaxPool1D(2, 3),
                data=sequence([4, 1, 9, 2, 7, 8]),
                output=sequence([4, 7]),
                delta=sequence([1, -2]),
                back=sequence([1, 0, 0, 0, -2, 0]),
            ),
            # Windows (-∞, -1, -2) and (-2, -3, -4): a step beyond the end is no maximum.
            LayerValue(
                layer=lambda **new: diynn.MaxPool1D(3, 2, padding=1),
                data=sequence([-1, -2, -3, -4]),
                output=sequence([-1, -2]),
                delta=sequence([1, 10]),
                back=sequence([1, 10, 0, 0]),
            ),
        ],
    ),
    LayerCase(
        "AvgPool1D",
        lambda pick, **new: pooling(diynn.AvgPool1D, pick),
        torch=lambda layer, data: windowed("avg_pool1d", layer, data, layer.k_size),
        value=[
            # Windows (1 3) (3 -5) (-5 7).
            LayerValue(
                layer=lambda **new: diynn.AvgPool1D(2, 1),
                data=sequence([1, 3, -5, 7], [0, 2, 0, 4]),
                output=sequence([2, -1, 1], [1, 1, 2]),
                delta=sequence([2, 4, -6], [2, 2, 2]),
                back=sequence([1, 3, -1, -3], [1, 2, 2, 1]),
            ),
            # Windows (1 3 2) and (5 4 6), as far apart as they are long; 9 is in none.
            LayerValue(
                layer=lambda **new: diynn.AvgPool1D(3),
                data=sequence([1, 3, 2, 5, 4, 6, 9]),
                output=sequence([2, 5]),
                delta=sequence([3, -6]),
                back=sequence([1, 1, 1, -2, -2, -2, 0]),
            ),
            # Windows (0, 2), (2, 4), (4, 6), (6, 0): the zeros count.
            LayerValue(
                layer=lambda **new: diynn.AvgPool1D(2, 1, padding=1),
                data=sequence([2, 4, 6]),
                output=sequence([1, 3, 5, 3]),
                delta=sequence([2, 4, 6, 8]),
                back=sequence([3, 5, 7]),
            ),
        ],
    ),
]
