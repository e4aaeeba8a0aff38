"""Nets written to ONNX files, run by onnxruntime."""

import sys

import numpy as np
import pytest

import diynn
from diynn.demo import make_net
from tests.cases import each_layer

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}  # of the largest output, or of 1
BATCHES = (1, 2, 7, 32)


def need(library):
    return pytest.importorskip(
        library, reason=f"{library} is not installed: pip install 'diynn[onnx]' onnxruntime"
    )


@pytest.fixture
def exported(tmp_path):
    """Return a function that exports a net and returns its file as a function, and as ONNX's model."""
    onnx, runtime = need("onnx"), need("onnxruntime")
    need("ndonnx")

    def export(net, shape):
        path = tmp_path / "net.onnx"
        diynn.export_onnx(net, path, shape)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        session = runtime.InferenceSession(path, options)
        return lambda x: session.run(["output"], {"data": x})[0], model

    return export


def assert_agrees(run, net, shape, dtype, batches=BATCHES):
    for batch in batches:
        x = np.random.default_rng(batch).normal(size=(batch, *shape)).astype(dtype)
        expected, got = diynn.predict(net, x), run(x)
        assert got.dtype == expected.dtype == dtype
        scale = np.max(np.abs(expected), initial=1.0)
        np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@each_layer
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_file_computes_what_the_net_does(layer, dtype, exported):
    rng = np.random.default_rng(len(layer.name + dtype))  # exporting takes too long to draw many sizes

    def pick(low, high):
        return int(rng.integers(low, high + 1))

    net = layer.build(pick, rng=rng, dtype=dtype)
    shape = layer.shape(pick, net)
    run, _ = exported(net, shape)
    assert_agrees(run, net, shape, dtype if net.parameters() else "float32")


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_conv_net_agrees_for_any_batch(dtype, exported):
    net = make_net("conv", dtype=dtype)
    run, model = exported(net, (64, 1))
    assert_agrees(run, net, (64, 1), dtype, (*BATCHES, 1797))
    (data,), (output,) = ([each.type.tensor_type.shape.dim for each in end] for end in ends(model))
    assert [each.dim_param or each.dim_value for each in data] == ["batch", 64, 1]
    assert [each.dim_param or each.dim_value for each in output] == ["batch", 10]


def ends(model):
    return model.graph.input, model.graph.output


def test_parameters_are_constants_of_their_own_dtype(exported):
    net = make_net("mlp")
    _, model = exported(net, (64,))
    from onnx import TensorProto, numpy_helper

    held = [each.t for node in model.graph.node for each in node.attribute if each.name == "value"]
    arrays = [numpy_helper.to_array(each) for each in [*held, *model.graph.initializer]]
    for parameter in net.parameters():
        assert any(each.dtype == np.float32 and np.array_equal(each, parameter.value) for each in arrays)
    assert TensorProto.DOUBLE not in [each.data_type for each in held]


def test_a_net_of_another_library_exports_the_same(exported):
    x = np.random.default_rng(0).normal(size=(3, 64)).astype("float32")
    outputs = [
        exported(make_net("mlp", backend=backend), (64,))[0](x)
        for backend in ("numpy", "array_api_strict:device1")
    ]
    np.testing.assert_array_equal(*outputs)


class Square:
    """A module written against the bare sheet."""

    def forward(self, x):
        return x * x

    def backward_delta(self, x, delta):
        return 2 * x * delta

    def backward_update_gradient(self, x, delta):
        pass

    def zero_grad(self):
        pass

    def update_parameters(self, gradient_step=1e-3):
        pass


class Affine(Square):
    """One with parameters, whose product loses its sizes on the way through ndonnx."""

    def __init__(self, wide):
        self._parameters = np.random.default_rng(0).normal(size=(wide, wide))

    def forward(self, x):
        return x @ self._parameters + 1


def test_modules_of_the_sheet_are_exported(exported):
    net = diynn.Sequential(Affine(3), Square(), diynn.Linear(3, 2, rng=0), Affine(2))
    run, _ = exported(net, (3,))
    assert_agrees(run, net, (3,), "float64")
    run, _ = exported(Affine(3), (3,))
    assert_agrees(run, Affine(3), (3,), "float64")


class Numpy(Square):
    def forward(self, x):
        return np.tanh(x)


class Converts(Square):
    def forward(self, x):
        return np.ones_like(np.asarray(x, dtype=object), dtype=float)


class Decides(Square):
    def forward(self, x):
        return x if float(x[0, 0]) == 0.0 else -x


class Counts(Square):
    def forward(self, x):
        return x / x.shape[0]


class Breaks(diynn.Tanh):
    def forward(self, data):
        return super().forward(data) if isinstance(data, np.ndarray) else 1 / 0


@pytest.mark.parametrize("module", [Numpy, Converts, Decides, Counts, Breaks])
def test_a_module_that_cannot_be_exported_is_named_with_its_place(module, tmp_path):
    need("ndonnx")
    need("onnx")
    net = diynn.Sequential(diynn.Linear(4, 4, rng=0), diynn.Sequential(diynn.ReLU(), module()))
    before = [vars(each).copy() for _, each in net.leaves()]
    message = rf"layer 2 of 2, layer 2 of 2: export_onnx: {module.__name__} cannot be exported"
    with pytest.raises(ValueError, match=message):
        diynn.export_onnx(net, tmp_path / "net.onnx", (4,))
    assert not list(tmp_path.iterdir())
    for attributes, (_, each) in zip(before, net.leaves(), strict=True):
        assert vars(each).keys() == attributes.keys()
        assert all(vars(each)[name] is value for name, value in attributes.items())


def test_an_input_shape_that_does_not_fit_is_refused(tmp_path):
    need("ndonnx")
    need("onnx")
    with pytest.raises(ValueError, match=r"layer 4 of 6: Linear\(992, 100\): `data` must have shape"):
        diynn.export_onnx(make_net("conv"), tmp_path / "net.onnx", (66, 1))


@pytest.mark.parametrize("library", ["ndonnx", "onnx"])
def test_a_missing_library_is_named_with_its_extra(library, tmp_path, monkeypatch):
    for each in ("ndonnx", "onnx"):
        monkeypatch.setitem(sys.modules, each, None if each == library else sys)
    with pytest.raises(ImportError, match=rf"export_onnx needs {library}.*pip install 'diynn\[onnx\]'"):
        diynn.export_onnx(diynn.Tanh(), tmp_path / "net.onnx", (4,))
