"""Export to ONNX, by the net's own forward pass on tracing arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from diynn.arguments import example_shape
from diynn.arrays import Array, Namespace, asarray, to_numpy
from diynn.calls import spelled
from diynn.checkpoints import raise_unless_module
from diynn.layers import Sequential
from diynn.module import Module, in_mode, parameters
from diynn.shapes import Shape
from diynn.stateless import substituted
from diynn.wording import as_path


@spelled()
def export_onnx(net: Any, path: str | os.PathLike[str], input_shape: tuple[int, ...]) -> None:
    """Write a net to an ONNX file that takes batches of any size, its parameters in it.

    The graph comes from one ``forward`` on arrays of ndonnx, which trace operations, so that a module of
    any origin can be exported if it computes in Array API operations, without branches on values or on the
    size of the batch. Its input is called ``data``, its output ``output``, both
    (batch, ...) in the dtype of the parameters, or float32 where there are none; its opset is 21.

    Parameters
    ----------
    net : Module
        The net to export; it is not changed.
    path : path
        The file.
    input_shape : tuple of int
        The shape of one example, without the batch, such as ``(256, 1)``.

    Raises
    ------
    ImportError
        If ndonnx or onnx is not installed; the message names the extra.
    ValueError
        If ``input_shape`` does not fit the net, or if a module cannot be exported.
    TypeError
        If a module's parameters are not arrays.

    Examples
    --------
    >>> diynn.export_onnx(net, "net.onnx", (256, 1))  # doctest: +SKIP
    >>> onnxruntime.InferenceSession("net.onnx").run(["output"], {"data": x})  # doctest: +SKIP
    """
    raise_unless_module("export_onnx", net)
    path, input_shape = as_path("export_onnx", path), example_shape("export_onnx", "input_shape", input_shape)
    ndx, onnx = (_import(library) for library in ("ndonnx", "onnx"))
    net = net if isinstance(net, Sequential) else Sequential(net)
    host = {each.label: to_numpy(each.value) for each in parameters(net)}
    dtype = next((each.dtype for each in host.values()), np.dtype("float32"))
    example = np.zeros((1, *input_shape), dtype)
    evaluated = in_mode(net, training=False)
    with substituted("export_onnx", net, host), evaluated, np.errstate(all="ignore"):
        shapes = [value.shape[1:] for value in net.activations(example)]

    data = ndx.argument(shape=("batch", *input_shape), dtype=getattr(ndx, dtype.name))
    lifted = {label: asarray(value, ndx) for label, value in host.items()}
    with substituted("export_onnx", net, lifted), in_mode(net, training=False):
        output = _sized(net, iter(shapes[1:]), ndx).forward(data)
    model = ndx.build({"data": data}, {"output": output})
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, path)


def _import(library: str) -> Any:
    try:
        return import_module(library)
    except ImportError as error:
        raise ImportError(
            f"export_onnx needs {library}, which is not installed: pip install 'diynn[onnx]'"
        ) from error


class _Sized(Module):
    """A module whose outputs have the sizes that ndonnx loses after a maximum or a product."""

    def __init__(self, module: Any, shape: Shape, ndx: Namespace) -> None:
        self.module, self.shape, self.ndx = module, shape, ndx

    def forward(self, data: Array) -> Array:
        """Return the module's output; raise ValueError if it cannot be exported."""
        try:
            output = self.module.forward(data)
            if not isinstance(output, self.ndx.Array):
                raise TypeError(f"its output is of type {type(output).__name__}")
        except Exception as error:
            raise ValueError(
                f"export_onnx: {type(self.module).__name__} cannot be exported, as its forward must "
                f"compute in Array API operations alone: {error}"
            ) from error
        return output if output.shape[1:] == self.shape else self.ndx.reshape(output, (-1, *self.shape))


def _sized(net: Sequential, shapes: Iterator[Shape], ndx: Namespace) -> Sequential:
    return Sequential(
        [
            _sized(module, shapes, ndx)
            if isinstance(module, Sequential)
            else _Sized(module, next(shapes), ndx)
            for module in net
        ]
    )
