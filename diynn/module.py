"""The protocol: what a module is, and the handles through which everything reaches its parameters."""

from __future__ import annotations

from typing import Any, Self

from diynn.arrays import Array, BackendLike, Device, DType, as_dtype, asarray, find_backend, namespace
from diynn.shapes import Shape

#: The attributes that hold parameters, each with that of its gradient.
NAMES = (("_parameters", "_gradient"), ("_bias", "_bias_gradient"))


class Parameter:
    """A handle on one array of parameters and its gradient, which live as attributes of their module.

    Reading or assigning ``value`` and ``gradient`` reads or assigns those attributes, so a handle never
    goes stale. Two handles are equal if they stand for the same attribute of the same module.

    Parameters
    ----------
    owner : object
        The module that holds the arrays.
    name, gradient_name : str
        The attributes that hold them.
    place : str
        Where the owner stands in its net, such as ``"0."``; empty outside a net.
    """

    __slots__ = ("gradient_name", "name", "owner", "place")

    def __init__(self, owner: Any, name: str, gradient_name: str, place: str = "") -> None:
        self.owner, self.name, self.gradient_name, self.place = owner, name, gradient_name, place

    def __repr__(self) -> str:
        return f"Parameter({self.label}: {tuple(self.value.shape)} {self.value.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameter) and self.owner is other.owner and self.name == other.name

    def __hash__(self) -> int:
        return hash((id(self.owner), self.name))

    @property
    def label(self) -> str:
        """The handle's name within the net, such as ``"0._parameters"``."""
        return self.place + self.name

    @property
    def value(self) -> Array:
        """The array of parameters."""
        return getattr(self.owner, self.name)

    @value.setter
    def value(self, array: Array) -> None:
        setattr(self.owner, self.name, array)

    @property
    def gradient(self) -> Array:
        """The gradient accumulated so far, of the shape of ``value``."""
        return getattr(self.owner, self.gradient_name)

    @gradient.setter
    def gradient(self, array: Array) -> None:
        setattr(self.owner, self.gradient_name, array)


class Module:
    """One layer of a network: a function of its parameters and a batch, that knows its two derivatives.

    A layer derives from it and writes ``forward``, ``backward_delta`` and, if it has parameters,
    ``backward_update_gradient``; the rest is here. Without parameters ``_parameters`` stays None.
    A module keeps nothing of one call for the next: its backward is right whatever was called before.

    Attributes
    ----------
    _parameters, _gradient : array or None
        The parameters and the gradient accumulated for them, of one shape.
    _bias, _bias_gradient : array or None
        The same for a bias, where there is one.
    input_shape : tuple or None
        The shape of one example that ``forward`` takes, None for a size that may be anything.
    per_example : bool
        Whether each output depends on its own example alone, so that a batch may be split.
    takes_output : bool
        Whether ``backward_delta`` takes ``output=forward(data)`` from who has it already.
    starts_from_none : bool
        Whether ``backward_update_gradient`` takes a gradient of None for zero.
    """

    _parameters: Array = None
    _gradient: Array = None
    _bias: Array = None
    _bias_gradient: Array = None
    input_shape: Shape | None = None
    per_example: bool = False
    takes_output: bool = False
    starts_from_none: bool = False
    _fits: set[Any] | None = None  # what `shapes.check` has let pass

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __call__(self, data: Array) -> Array:
        """Return ``forward(data)``."""
        return self.forward(data)

    def forward(self, data: Array) -> Array:
        """Return the outputs (batch, ...) for a batch of inputs (batch, ...)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(data): it returns the outputs")

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return the gradient of the cost with respect to ``data``, of its shape (eq. 2 of the sheet).

        ``delta`` is the gradient of the cost with respect to ``forward(data)``, of that shape.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no backward_delta(data, delta): "
            "it returns the gradient of the cost with respect to data"
        )

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add the gradient of the cost with respect to the parameters, summed over the batch (eq. 1).

        A module without parameters has nothing to add.
        """
        if self._parameters is not None:
            raise NotImplementedError(
                f"{type(self).__name__} has parameters and no backward_update_gradient(data, delta): "
                "it adds their gradient to self._gradient"
            )

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        for name, gradient_name in NAMES:
            value = getattr(self, name)
            if value is not None:
                setattr(self, gradient_name, namespace(value).zeros_like(value))

    def update_parameters(self, gradient_step: float = 1e-3) -> None:
        """Take one step against the gradient: ``parameters -= gradient_step * gradient``."""
        for name, gradient_name in NAMES:
            value = getattr(self, name)
            if value is not None:
                value -= gradient_step * getattr(self, gradient_name)
                setattr(self, name, value)

    def parameters(self) -> list[Parameter]:
        """Return the handles of all parameters, the one way by which anything reaches them."""
        return own_parameters(self)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one output for one input of ``shape``; None where a size is not known."""
        return shape

    def to(self, backend: BackendLike = None, *, device: Device = None, dtype: DType = None) -> Self:
        """Move the parameters and gradients to another array library, device or dtype; return the module.

        Parameters
        ----------
        backend : str or namespace, optional
            As in :func:`diynn.asarray`; None keeps the library.
        device : device or str, optional
            A device of that library.
        dtype : dtype or str, optional
            The dtype wanted; None keeps it.

        Raises
        ------
        ImportError
            If the library is not installed.
        ValueError
            If there is no such library, device or dtype.
        """
        for parameter in self.parameters():
            where = namespace(parameter.value) if backend is None else backend
            parameter.value = asarray(parameter.value, where, device=device, dtype=dtype)
            parameter.gradient = asarray(parameter.gradient, where, device=device, dtype=dtype)
        return self

    def _set_parameters(self, parameters: Any, bias: Any, backend: BackendLike, dtype: DType) -> None:
        """Make parameters, and a bias unless None, of host arrays, with gradients of zero beside them."""
        where = find_backend(backend)
        dtype = as_dtype(dtype, where)
        self._parameters = asarray(parameters, where, dtype=dtype)
        self._bias = None if bias is None else asarray(bias, where, dtype=dtype)
        self.zero_grad()


def parameters(module: Any) -> list[Parameter]:
    """Return the handles on the parameters of any module, ours or written against the bare sheet.

    Raises
    ------
    TypeError
        If a module holds its parameters as something else than one array.
    """
    return module.parameters() if isinstance(module, Module) else own_parameters(module)


def own_parameters(module: Any, place: str = "") -> list[Parameter]:
    """Return the handles on the arrays that a module itself holds, whoever wrote it."""
    found = []
    for name, gradient_name in NAMES:
        value = getattr(module, name, None)
        if value is None:
            continue
        try:
            namespace(value)
        except TypeError:
            raise TypeError(
                f"{type(module).__name__}: `{name}` must be one array to be reached from outside, "
                f"got {type(value).__name__}"
            ) from None
        found.append(Parameter(module, name, gradient_name, place))
    return found


def ours(part: Any) -> bool:
    """Say whether a module or a loss is of a class of this package, and not one derived from it."""
    return type(part).__module__.startswith("diynn.")


def plus(gradient: Array, part: Array) -> Array:
    """Return the sum of a gradient and what is to be added to it; a gradient of None counts as zero.

    It takes both over: either may be written to.
    """
    if gradient is None:
        return part
    gradient += part
    return gradient


def forget_gradient(module: Any) -> None:
    """Let the gradient of any module count as zero, so that what is added next is taken as it is.

    A module that ``starts_from_none`` holds None until its next ``backward_update_gradient``, which saves
    a pass to write zeros and one to add to them; any other module is asked to ``zero_grad``.
    """
    if getattr(module, "starts_from_none", False):
        for _, gradient_name in NAMES:
            setattr(module, gradient_name, None)
    else:
        zero_grad(module)


def zero_grad(module: Any) -> None:
    """Call ``module.zero_grad()``, for any module."""
    _harmlessly(module, "zero_grad")


def update_parameters(module: Any, gradient_step: float) -> None:
    """Call ``module.update_parameters(gradient_step)``, for any module."""
    _harmlessly(module, "update_parameters", gradient_step)


def _harmlessly(module: Any, method: str, *arguments: float) -> None:
    if isinstance(module, Module):
        getattr(module, method)(*arguments)
        return
    # The skeleton handed out with the sheet computes with `_parameters` even where it is None. An
    # activation that only inherits that method has nothing to do; one that wrote it itself is in error.
    try:
        getattr(module, method)(*arguments)
    except (TypeError, AttributeError):
        inherited = method not in vars(type(module))
        if not (inherited and getattr(module, "_parameters", 0) is None):
            raise
