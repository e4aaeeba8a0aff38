"""Modules in series."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Self, overload

from diynn.arguments import example_shape
from diynn.arrays import Array, BackendLike, find_backend
from diynn.composition import COMPUTING, METHODS, attributes, forget_stated
from diynn.hosted import stay_on_numpy
from diynn.layers.order import delta_first
from diynn.layers.summary import Summary, summarise
from diynn.module import Module, raise_unless_harmless
from diynn.shapes import Shape

__all__ = ["Sequential"]

_COMPUTING = frozenset(COMPUTING)


class Sequential(Module):
    """Modules in series: the output of each is the input of the next.

    ::

        z⁰ = x,   zʰ = Mʰ(zʰ⁻¹)
        for h = H, ..., 1: Mʰ.backward_update_gradient(zʰ⁻¹, δʰ); δʰ⁻¹ = Mʰ.backward_delta(zʰ⁻¹, δʰ)

    It is a module itself, so nets nest. ``net[0]`` is a module, ``net[:4]`` a net of the same modules,
    such as the encoder of an autoencoder. It takes modules of any origin, as long as they have the methods
    of the course sheet; one instance may occur twice.

    Parameters
    ----------
    *modules : Module, or one list of them
        The modules in order.
    backend : str or namespace, optional
        The backend to move them to, as by :meth:`Module.to`; None leaves each on its own.

    Raises
    ------
    TypeError
        If an argument is no module.
    ValueError
        By `add`, if the module is the net itself.

    Source: the course sheet, "Mon troisième est un encapsulage".
    """

    per_example = True
    pure = True
    series = (
        True  # computes as modules in series, and nothing else: lost by a subclass that computes otherwise
    )

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        forget_stated(cls, ("series",), COMPUTING)

    def __init__(self, *modules: Any, backend: BackendLike = None) -> None:
        super().__init__()
        self.modules: list[Any] = []
        if len(modules) == 1 and isinstance(modules[0], list | tuple):
            modules = tuple(modules[0])
        for module in modules:
            self.add(module)
        if backend is not None:
            self.to(find_backend(backend, owner="Sequential"))

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.modules))})"

    def __str__(self) -> str:
        return str(summarise(self.leaves()))

    def _repr_html_(self) -> str:
        """Return the table that ``print(net)`` shows, for a notebook."""
        return summarise(self.leaves())._repr_html_()

    def add(self, module: Any) -> Self:
        """Append a module; return the net."""
        if isinstance(module, type):
            raise TypeError(
                f"Sequential: `module` must be an instance, got the class {module.__name__}; "
                f"write {module.__name__}(...)"
            )
        missing = [name for name in METHODS if not callable(getattr(module, name, None))]
        if missing:
            raise TypeError(
                f"Sequential: `module` must be a module, got {type(module).__name__} "
                f"without {', '.join(missing)}"
            )
        if module is self:
            raise ValueError("Sequential: `module` must be another than the net that it is added to")
        self.modules.append(module)
        stay_on_numpy("Sequential", self)
        return self

    add_module = addModule = append = add  # noqa: N815  # as in course code

    def __len__(self) -> int:
        return len(self.modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.modules)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Sequential: ...
    def __getitem__(self, place: int | slice) -> Any:
        return Sequential(self.modules[place]) if isinstance(place, slice) else self.modules[place]

    def children(self) -> list[Any]:
        """Return the modules in order, each once."""
        return list({id(module): module for module in self.modules}.values())

    # -------------------------------------------------------------- forward and backward

    def forward(self, data: Array) -> Array:
        """Return the output of the last module."""
        return self.activations(data)[-1]

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return the gradient with respect to ``data``; gradients of parameters are unchanged."""
        return self.backpropagate(self.activations(data), delta, gradients=False, data_delta=True)

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add the gradient of each module's parameters."""
        self.backpropagate(self.activations(data), delta)

    def activations(self, data: Array) -> list[Array]:
        """Return the input of each module in series, and last the output: one forward pass."""
        values = [data]
        modules = self.flat()
        layer = 0
        try:
            for layer in range(len(modules)):
                values.append(modules[layer].forward(values[-1]))
        except Exception as error:
            self._locate(error, layer)
            raise
        return values

    def backpropagate(
        self, activations: list[Array], delta: Array, *, gradients: bool = True, data_delta: bool = False
    ) -> Array | None:
        """Do one backward pass, with the activations of the forward pass.

        Parameters
        ----------
        activations : list of arrays
            What :meth:`activations` returned for this batch.
        delta : array
            The gradient of the cost with respect to the output, ``activations[-1]``.
        gradients : bool
            Whether the modules add to their gradients.
        data_delta : bool
            Whether to compute the gradient with respect to the data, ``activations[0]``.

        Returns
        -------
        array or None
            That gradient, or None if it was not asked for.
        """
        modules = self.flat()
        layer = 0
        try:
            for layer in reversed(range(len(modules))):
                module, data = modules[layer], activations[layer]
                if gradients and delta_first(module, data, delta):
                    lower = module.backward_delta(data, delta)
                    module.backward_update_gradient(data, delta)
                    delta = lower
                    continue
                if gradients:
                    try:
                        module.backward_update_gradient(data, delta)
                    except NotImplementedError as error:
                        raise_unless_harmless(module, "backward_update_gradient", error)
                if layer == 0 and not data_delta:
                    return None
                if takes_output(module):
                    delta = module.backward_delta(data, delta, output=activations[layer + 1])
                else:
                    delta = module.backward_delta(data, delta)
        except Exception as error:
            self._locate(error, layer)
            raise
        return delta if data_delta else None

    def _locate(self, error: Exception, layer: int) -> None:
        """Prefix an error's message with the place in the net."""
        nested: Any = self
        words = []
        for number in map(int, self.leaves()[layer][0].split(".")):
            words.append(f"layer {number + 1} of {len(nested)}")
            nested = nested[number]
        where = ", ".join(words)
        if error.args and isinstance(error.args[0], str) and isinstance(error, ValueError | TypeError):
            error.args = (f"{where}: {error.args[0]}", *error.args[1:])
        else:
            error.add_note(where)

    # -------------------------------------------------------------- modules in series

    def flat(self) -> list[Any]:
        """Return the modules in series: nested nets flattened, unless a subclass computes otherwise."""
        found: list[Any] = []
        for module in self.modules:
            if in_series(module):
                found += module.flat()
            else:
                found.append(module)
        return found

    def leaves(self) -> list[tuple[str, Any]]:
        """Return the modules in series with their places: ``("0", Linear), ("1.0", Tanh)``."""
        found: list[tuple[str, Any]] = []
        for number, module in enumerate(self.modules):
            if in_series(module):
                found += [(f"{number}.{place}", leaf) for place, leaf in module.leaves()]
            else:
                found.append((str(number), module))
        return found

    # -------------------------------------------------------------- shapes

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one output for one input of ``shape``."""
        for module in self.modules:
            if not hasattr(module, "output_shape"):
                raise TypeError(f"{type(module).__name__} does not tell the shape of its output")
            shape = module.output_shape(shape)
        return shape

    def summary(self, input_shape: tuple[int, ...]) -> Summary:
        """Return the table of the net for one input of ``input_shape``, with the memory of activations.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of one example, without the batch, such as ``(256, 1)``.

        Raises
        ------
        TypeError, ValueError
            If it is no shape, or does not fit the modules.
        """
        shape = example_shape("Sequential", "input_shape", input_shape)
        try:
            return summarise(self.leaves(), shape)
        except ValueError as error:
            raise ValueError(f"Sequential: `input_shape` {shape} does not fit: {error}") from None


def in_series(net: Any) -> bool:
    """Say whether a net is a `Sequential` that computes as one, with no method overridden."""
    return isinstance(net, Sequential) and net.series and _COMPUTING.isdisjoint(attributes(net))


def takes_output(module: Any) -> bool:
    """Say whether ``backward_delta`` has an argument ``output``, for ``forward(data)``."""
    method = module.backward_delta
    return _has_output(getattr(method, "__func__", method))


@lru_cache(maxsize=1024)
def _has_output(function: Any) -> bool:
    try:
        return "output" in inspect.signature(function).parameters
    except ValueError:  # a function without a signature
        return False


def flat(net: Any) -> list[Any]:
    """Return the modules of any net in series; the net itself if it computes otherwise."""
    return net.flat() if in_series(net) else [net]
