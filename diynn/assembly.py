"""Checks before the first step: whether net, loss, rule and metrics fit together."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from diynn.arrays import BackendLike, find_backend
from diynn.composition import METHODS, children, is_module, walk
from diynn.layers import Sequential
from diynn.layers.sequential import flat, in_series
from diynn.module import Module
from diynn.parameter import own_parameters
from diynn.rules import Rule
from diynn.shapes import AXES, fewest, fit, text
from diynn.wording import shown

_OF_A_MODULE = {
    "forward": ("data",),
    "backward_delta": ("data", "delta"),
    "backward_update_gradient": ("data", "delta"),
    "zero_grad": (),
    "update_parameters": ("gradient_step",),
}
_OF_A_LOSS = dict.fromkeys(("forward", "backward"), ("y", "yhat"))


def check_net(owner: str, net: Any) -> None:
    """Raise unless ``net`` is a module that can be trained, with a message that says what to write.

    Raises
    ------
    TypeError
        If it is a class, a list, a loss; if a method is missing, takes other arguments or does nothing.
    ValueError
        If sizes do not fit between neighbours, or a container contains itself.
    """
    if isinstance(net, type):
        raise TypeError(
            f"{owner}: `net` must be an instance, got the class {net.__name__}; write {net.__name__}(...)"
        )
    if isinstance(net, list | tuple):
        raise TypeError(
            f"{owner}: `net` must be a module, got a {type(net).__name__}; write Sequential(modules)"
        )
    if (
        not is_module(net)
        and callable(getattr(net, "forward", None))
        and callable(getattr(net, "backward", None))
    ):
        if children(net):
            raise TypeError(
                f"{owner}: `net` must have the methods of the sheet, got {type(net).__name__} without "
                f"{_missing(net)}; what its `backward` does, backward_update_gradient(data, delta) has "
                "to do, with "
                "the data and the gradient of the loss with respect to the output"
            )
        raise TypeError(
            f"{owner}: `net` must be a module, got {shown(net)}, which looks like a loss: net first, "
            "then loss"
        )
    if _missing(net):
        raise TypeError(f"{owner}: `net` must be a module, got {shown(net)} without {_missing(net)}")
    _raise_if_circular(owner, net)
    if isinstance(net, Sequential) and all(isinstance(each, Sequential) for each in walk(net)):
        raise ValueError(f"{owner}: `net` must hold a module, got the empty {net!r}; add(module) appends one")
    for module in walk(net):
        _raise_unless_callable(owner, module, _OF_A_MODULE)
    layers = flat(net)
    for place, layer in enumerate(layers):
        _raise_if_idle(owner, layer, first=place == 0)
    if in_series(net):
        _raise_unless_sizes_fit(owner, net)


def check_loss(owner: str, loss: Any) -> None:
    """Raise TypeError unless ``loss`` is an instance with ``forward(y, yhat)`` and ``backward(y, yhat)``."""
    if isinstance(loss, type):
        raise TypeError(
            f"{owner}: `loss` must be an instance, got the class {loss.__name__}; write {loss.__name__}()"
        )
    missing = [name for name in ("forward", "backward") if not callable(getattr(loss, name, None))]
    if missing:
        raise TypeError(f"{owner}: `loss` must be a loss, got {shown(loss)} without {', '.join(missing)}")
    if is_module(loss):
        raise TypeError(
            f"{owner}: `loss` must be a loss, got {shown(loss)}, which is a module: net first, then loss"
        )
    _raise_unless_callable(owner, loss, _OF_A_LOSS)
    for name, what in (("forward", "costs (batch,)"), ("backward", "gradient with respect to `yhat`")):
        if _does_nothing(getattr(loss, name)):
            raise TypeError(f"{owner}: {type(loss).__name__}.{name} does nothing: it returns the {what}")


def check_rule(owner: str, rule: Any) -> None:
    """Raise TypeError unless ``rule`` is None or an instance of a rule."""
    if isinstance(rule, type) and issubclass(rule, Rule):
        raise TypeError(
            f"{owner}: `rule` must be an instance, got the class {rule.__name__}; write {rule.__name__}()"
        )
    if isinstance(rule, str):
        raise TypeError(
            f"{owner}: `rule` must be a rule, got {rule!r}; write rule=diynn.Adam() or diynn.Momentum()"
        )
    if rule is not None and not all(callable(getattr(rule, name, None)) for name in ("start", "change")):
        raise TypeError(f"{owner}: `rule` must be a rule, such as diynn.Adam(), got {shown(rule)}")


def check_metrics(owner: str, metrics: Any) -> None:
    """Raise unless ``metrics`` is None or a dict of functions, none with the name of a fixed column."""
    if metrics is None:
        return
    example = '{"accuracy": diynn.accuracy}'
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"{owner}: `metrics` must be a dict of functions, such as {example}, got {shown(metrics)}"
        )
    for name, metric in metrics.items():
        if not callable(metric) or not isinstance(name, str):
            raise TypeError(
                f"{owner}: `metrics` must be a dict of functions, such as {example}, got "
                f"{{{name!r}: {shown(metric)}}}"
            )
        try:
            inspect.signature(metric).bind("y", "yhat")
        except TypeError as error:
            raise TypeError(f"{owner}: `metrics` {name!r} must take (y, yhat): {error}") from None
        except ValueError:  # a function of no signature
            pass
        if name in ("cost", "seconds", "epoch") or name.startswith("validation_"):
            raise ValueError(
                f"{owner}: `metrics` must have other names than {name!r}, which the history has itself"
            )


def _missing(net: Any) -> str:
    return ", ".join(name for name in METHODS if not callable(getattr(net, name, None)))


def _raise_if_circular(owner: str, net: Any) -> None:
    above: list[int] = []

    def visit(module: Any) -> None:
        if id(module) in above:
            raise ValueError(f"{owner}: `net` must not contain itself, and {type(module).__name__} does")
        above.append(id(module))
        if isinstance(module, Sequential):
            for child in module.modules:
                visit(child)
        above.pop()

    visit(net)


def _raise_unless_callable(owner: str, thing: Any, methods: Mapping[str, tuple[str, ...]]) -> None:
    """Raise TypeError if a method of a module or a loss that is not ours takes other arguments."""
    if type(thing).__module__.startswith("diynn."):
        return
    for name, words in methods.items():
        method = getattr(thing, name, None)
        try:
            if method is not None:
                inspect.signature(method).bind(*words)
        except TypeError as error:
            taken = ", ".join(words)
            raise TypeError(f"{owner}: {type(thing).__name__}.{name} must take ({taken}): {error}") from None
        except ValueError:  # a method without a signature
            continue


def _raise_if_idle(owner: str, layer: Any, *, first: bool) -> None:
    """Raise if a method that should compute something only returns None."""
    held = walk(layer)
    trained = [each for each in held if _has_parameters(each)]
    name = type(layer).__name__
    if _does_nothing(layer.forward):
        raise TypeError(f"{owner}: {name}.forward does nothing: it returns the outputs")
    if trained and _does_nothing(layer.backward_update_gradient):
        raise TypeError(
            f"{owner}: {name}.backward_update_gradient does nothing, and there are parameters to be "
            "trained: it adds "
            "their gradient to `_gradient`"
        )
    if not first and _does_nothing(layer.backward_delta):
        raise TypeError(
            f"{owner}: {name}.backward_delta does nothing: it returns the gradient with respect to "
            "data, for the "
            "layers before it"
        )


def _has_parameters(module: Any) -> bool:
    try:
        return bool(own_parameters(module))
    except TypeError:
        return True


def _does_nothing(method: Any) -> bool:
    code = getattr(getattr(method, "__func__", method), "__code__", None)
    return code is not None and _is_idle(code)


@cache  # reading the code takes as long as some steps
def _is_idle(code: Any) -> bool:
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS", "CACHE"}
    steps = list(dis.get_instructions(code))
    return {each.opname for each in steps} <= idle and all(
        each.argval is None for each in steps if each.opname in ("LOAD_CONST", "RETURN_CONST")
    )


def _raise_unless_sizes_fit(owner: str, net: Sequential) -> None:
    """Raise ValueError if a layer's output does not fit the next layer of known input size."""
    leaves = net.leaves()
    shape, giver = None, ""
    for number, (_, layer) in enumerate(leaves):
        wanted = getattr(layer, "input_shape", None)
        if wanted is not None and shape is not None and fit(shape, wanted) is None:
            if AXES in shape and AXES in wanted:  # vectors are what is usually meant
                shape, wanted = fewest(shape), fewest(wanted)
            raise ValueError(
                f"{owner}: layer {number + 1} of {len(leaves)}, {layer!r}, takes {text(wanted)}, "
                f"and {giver} gives {text(shape)}"
            )
        known = wanted if shape is None else (fit(shape, wanted) if wanted is not None else shape)
        if not isinstance(layer, Module) or known is None:
            shape = None
            continue
        try:
            shape = layer.output_shape(known)
        except (ValueError, TypeError):  # the module raises it itself when it is called
            shape = None
        giver = f"layer {number + 1}, {layer!r},"


def move_net(owner: str, net: Any, backend: BackendLike) -> None:
    """Move a net to another library; raise TypeError if it is not one of diynn's modules."""
    if not isinstance(net, Module):
        raise TypeError(
            f"{owner}: `backend` moves a net of diynn's modules, got {shown(net)}; put it into a Sequential"
        )
    net.to(find_backend(backend, owner=owner))
