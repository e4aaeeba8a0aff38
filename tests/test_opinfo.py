"""PyTorch's own sample inputs (OpInfo), for the functions that diynn has: outputs and gradients to 1e-12.

Every sample is compared whose arguments a layer or a loss of diynn's can be given; the others are named by
one of ``REASONS``. ``python -m tests.test_opinfo`` counts them.
"""

import warnings
from collections import Counter
from unittest import mock

import numpy as np
import pytest
from hypothesis import settings

import diynn

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's samples need expecttest")
# The import would freeze PyTorch's settings, and loads a profile of hypothesis, for all of this process.
settings.register_profile("before", settings())
with warnings.catch_warnings(), mock.patch.object(torch.backends, "disable_global_flags"):
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db
settings.load_profile("before")

EXACT = 1e-12
apart = []  # how far everything compared was, to be told at the end
REASONS = {
    "draws": "it draws",
    "GELU": "the exact one",
    "dilation": "windows whose steps lie apart",
    "groups": "channels in groups",
    "cut": "a last window that is not whole",
    "uncounted": "a mean in which zeros do not count",
    "nothing": "no example, class or weight to take a mean or a maximum of",
    "slope": "a slope that is not in [0, 1), p = 1",
    "weights": "a weight for each value of an example",
    "vector": "one output without an axis",
    "broadcast": "a target of another shape",
}


class NotTakenError(Exception):
    pass


def unless(condition, reason):
    if not condition:
        assert reason in REASONS
        raise NotTakenError(reason)


def close(found, wanted):
    found, wanted = np.asarray(found), wanted.detach().numpy()
    assert found.shape == wanted.shape
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=EXACT * scale)
    apart.append(float(np.abs(found - wanted).max(initial=0.0)) / scale)


def one(value):
    """Return a number that PyTorch writes as one, or as a tuple of one."""
    return value[0] if isinstance(value, tuple | list) else value


# ------------------------------------------------------------------ layers


class Layout:
    """From arrays as PyTorch has them to diynn's, and back.

    One example alone becomes a batch of one; ``axis`` goes to the end.
    """

    def __init__(self, axes, dimensions, axis=-1):
        self.alone = dimensions < axes
        self.axis = axis

    def ours(self, tensor):
        array = tensor.detach().numpy()
        array = np.moveaxis(array, self.axis, -1) if array.ndim else array
        return array[None].copy() if self.alone else array.copy()

    def theirs(self, array):
        array = array[0] if self.alone else array
        return np.moveaxis(array, -1, self.axis) if array.ndim else array


def compare_layer(op, sample, module, layout, *parameters):
    """Compare a layer; ``parameters`` are pairs of PyTorch's array, and a function that turns its layout."""
    wanted = op(sample.input, *sample.args, **sample.kwargs)
    wanted = wanted[0] if isinstance(wanted, tuple) else wanted  # the others are places
    delta = torch.tensor(np.random.default_rng(0).normal(size=tuple(wanted.shape)))
    found = torch.autograd.grad(wanted, [sample.input, *(each for each, _ in parameters)], delta)
    for handle, (value, turn) in zip(module.parameters(), parameters, strict=True):
        handle.value = np.ascontiguousarray(turn(value.detach().numpy()))
    module.zero_grad()
    x, delta = layout.ours(sample.input), layout.ours(delta)
    close(layout.theirs(module.forward(x)), wanted)
    close(layout.theirs(module.backward_delta(x, delta)), found[0])
    module.backward_update_gradient(x, delta)
    for handle, (_, turn), gradient in zip(module.parameters(), parameters, found[1:], strict=True):
        close(handle.gradient, torch.tensor(turn(gradient.numpy())))


def same(array):
    return array


def elementwise(make):
    def compare(op, sample):
        compare_layer(op, sample, make(**sample.kwargs), Layout(1, sample.input.ndim))

    return compare


def leaky_relu(negative_slope=0.01, inplace=False):
    unless(0 <= negative_slope < 1, "slope")
    return diynn.LeakyReLU(negative_slope)


def gelu(approximate="none"):
    unless(approximate == "tanh", "GELU")
    return diynn.GELU()


def dropout(p=0.5, training=True, inplace=False):
    unless(not training or p == 0, "draws")
    unless(p < 1, "slope")
    return diynn.Dropout(p).train(training)


def over_classes(kind):
    def compare(op, sample):
        unless(sample.input.ndim and sample.input.numel(), "nothing")
        compare_layer(op, sample, kind(), Layout(2, sample.input.ndim, axis=one(sample.args)))

    return compare


def flatten(op, sample):
    alone = sample.kwargs.get("start_dim", 0) == 0
    axes = sample.input.ndim + 1 if alone else 1
    compare_layer(op, sample, diynn.Flatten(), Layout(axes, sample.input.ndim))


def linear(op, sample):
    weight, *bias = [each for each in sample.args if each is not None]
    unless(weight.ndim == 2, "vector")
    module = diynn.Linear(weight.shape[1], weight.shape[0], bias=bool(bias), dtype="float64")
    parameters = [(weight, np.transpose), *((each, same) for each in bias)]
    compare_layer(op, sample, module, Layout(2, sample.input.ndim), *parameters)


def convolution(op, sample):
    weight, *bias = [each for each in sample.args if each is not None]
    options = sample.kwargs
    unless(options.get("groups", 1) == 1, "groups")
    unless(one(options.get("dilation", 1)) == 1, "dilation")
    padding = options.get("padding", 0)
    module = diynn.Conv1D(
        weight.shape[2], weight.shape[1], weight.shape[0], one(options.get("stride", 1)),
        padding=padding if isinstance(padding, str) else one(padding), bias=bool(bias), dtype="float64",
    )  # fmt: skip
    parameters = [(weight, np.transpose), *((each, same) for each in bias)]
    compare_layer(op, sample, module, Layout(3, sample.input.ndim, axis=-2), *parameters)


def pooling(kind):
    def compare(op, sample):
        options = dict(zip(("kernel_size", "stride", "padding"), sample.args, strict=False)) | sample.kwargs
        k_size, padding = one(options["kernel_size"]), one(options.get("padding", 0))
        stride = one(options.get("stride") or k_size)
        unless(one(options.get("dilation", 1)) == 1, "dilation")
        unless(padding == 0 or options.get("count_include_pad", True), "uncounted")
        rest = (sample.input.shape[-1] + 2 * padding - k_size) % stride
        unless(rest == 0 or not options.get("ceil_mode", False), "cut")
        layout = Layout(3, sample.input.ndim, axis=-2)
        compare_layer(op, sample, kind(k_size, stride, padding=padding), layout)

    return compare


# ------------------------------------------------------------------ losses


def compare_loss(op, sample, loss, y, rows, count, *, scale=1.0):
    """Compare a loss; ``rows`` makes a batch of PyTorch's arrays, ``count`` is what it divides a mean by."""
    reduction = sample.kwargs.get("reduction", "mean")
    unless(reduction != "mean" or count != 0, "nothing")
    wanted = op(sample.input, *sample.args, **sample.kwargs)
    yhat = rows(sample.input.detach().numpy())
    costs, delta = loss.forward(y, yhat) * scale, loss.backward(y, yhat) * scale
    (gradient,) = torch.autograd.grad(wanted.sum(), sample.input)
    if reduction == "none":
        # A cost of PyTorch's is one of a value, or of an example: of a row, either way.
        close(costs, torch.tensor(wanted.detach().numpy().reshape(len(costs), -1).sum(axis=1)))
    else:
        close(np.sum(costs) / (count if reduction == "mean" else 1), wanted)
    close(delta / (count if reduction == "mean" else 1), torch.tensor(rows(gradient.numpy())))


def distances(make):
    """A loss of each value and its target."""

    def compare(op, sample):
        options = {name: value for name, value in sample.kwargs.items() if name != "reduction"}
        for weights in ("weight", "pos_weight"):
            unless(options.pop(weights, None) is None, "weights")
        target = sample.args[0].detach().numpy()
        unless(target.shape == tuple(sample.input.shape), "broadcast")
        loss, scale = make(**options)

        def rows(array):
            return array if array.ndim else array[None]

        compare_loss(op, sample, loss, rows(target), rows, target.size, scale=scale)

    return compare


def smooth_l1(beta=1.0):
    return (diynn.HuberLoss(beta), 1 / beta) if beta else (diynn.L1Loss(), 1.0)


def of_classes(loss):
    """A loss of scores of classes: every position of an example is a row."""

    def compare(op, sample):
        options, target = sample.kwargs, sample.args[0].detach().numpy()
        axis = 1 if sample.input.ndim > 1 else 0
        classes = sample.input.shape[axis]

        def rows(array):
            return np.ascontiguousarray(np.moveaxis(array, axis, -1)).reshape(-1, classes)

        weights, smoothing = options.get("weight"), options.get("label_smoothing", 0.0)
        weights = np.ones(classes) if weights is None else weights.detach().numpy()
        if target.dtype.kind == "f":
            y, taken = rows(target), 1
            count = len(y)
        else:
            y = np.equal.outer(target.reshape(-1), np.arange(classes))
            taken = (target != options.get("ignore_index", -100)).reshape(-1, 1)
            count = (y * weights * taken).sum()
        y = ((1 - smoothing) * y + smoothing / classes) * weights * taken
        if target.dtype.kind != "f" and set(np.unique(y)) <= {0, 1} and (y.sum(axis=1) == 1).all():
            y = target.reshape(-1)  # labels, as PyTorch has them
        compare_loss(op, sample, loss, y, rows, count)

    return compare


FUNCTIONS = {
    "nn.functional.linear": linear,
    "nn.functional.conv1d": convolution,
    "nn.functional.max_pool1d": pooling(diynn.MaxPool1D),
    "nn.functional.avg_pool1d": pooling(diynn.AvgPool1D),
    "flatten": flatten,
    "tanh": elementwise(diynn.Tanh),
    "sigmoid": elementwise(diynn.Sigmoid),
    "nn.functional.relu": elementwise(lambda inplace=False: diynn.ReLU()),
    "nn.functional.leaky_relu": elementwise(leaky_relu),
    "nn.functional.gelu": elementwise(gelu),
    "nn.functional.dropout": elementwise(dropout),
    "softmax": over_classes(diynn.Softmax),
    "log_softmax": over_classes(diynn.LogSoftmax),
    "nn.functional.mse_loss": distances(lambda: (diynn.MSELoss(), 1.0)),
    "nn.functional.l1_loss": distances(lambda: (diynn.L1Loss(), 1.0)),
    "nn.functional.huber_loss": distances(lambda delta=1.0: (diynn.HuberLoss(delta), 1.0)),
    "nn.functional.smooth_l1_loss": distances(smooth_l1),
    "nn.functional.binary_cross_entropy": distances(lambda: (diynn.BCELoss(), 1.0)),
    "nn.functional.binary_cross_entropy_with_logits": distances(lambda: (diynn.BCEWithLogitsLoss(), 1.0)),
    "nn.functional.nll_loss": of_classes(diynn.NLLLoss()),
    "nn.functional.cross_entropy": of_classes(diynn.CrossEntropyLoss()),
}


def compare_all(name):
    """Compare every sample of a function; count those compared, and the others by the reason."""
    found = Counter()
    for op in op_db:
        if op.name != name:
            continue
        for sample in op.sample_inputs("cpu", torch.float64, requires_grad=True):
            try:
                FUNCTIONS[name](op, sample)
                found["compared"] += 1
            except NotTakenError as reason:
                found[str(reason)] += 1
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:.*:UserWarning:torch")
def test_samples_of_pytorch(name):
    found = compare_all(name)
    assert found["compared"] > 0
    assert found.keys() - {"compared"} <= REASONS.keys()


if __name__ == "__main__":
    total = Counter()
    for each in FUNCTIONS:
        counts = compare_all(each)
        total += counts
        print(f"{each:48} {dict(counts)}")
    print(f"{total['compared']} of {total.total()} compared, {max(apart):.1g} apart at most; the others: ")
    for reason, count in total.items() - {"compared": total["compared"]}.items():
        print(f"{count:5}  {REASONS[reason]}")
