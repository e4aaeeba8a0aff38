"""The module protocol: what a layer writes, what `Module` adds, and functions for any net."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

from diynn.arguments import check_number, flag
from diynn.arrays import (
    Array,
    BackendLike,
    Device,
    DType,
    as_dtype,
    asarray,
    find_backend,
    kind,
    namespace,
    zeros_like,
)
from diynn.bounded import Bounded
from diynn.calls import worded
from diynn.composition import (
    COMPUTING,
    attributes,
    children,
    forget_stated,
    held_modules,
    is_module,
    modules_in,
    places,
    walk,
)
from diynn.parameter import NAMES, Parameter, own_parameters
from diynn.shapes import Shape
from diynn.sharing import View, move_together, tied
from diynn.sheet import elsewhere
from diynn.transfer import beside_the_net

__all__ = ["NAMES", "Module", "Parameter", "own_parameters", "parameters"]


@partial(worded, mend=beside_the_net)
class Module:
    """One layer of a network: a function of its parameters and a batch, with its two derivatives.

    A layer derives from it and writes ``forward``, ``backward_delta`` and, if it has parameters,
    ``backward_update_gradient``; the rest is here. Without parameters ``_parameters`` stays None.
    Modules among its attributes, also in lists and dicts, are its children: they are zeroed, updated,
    moved, saved and counted with it.

    Attributes
    ----------
    _parameters, _gradient : array, dict or list of arrays, or None
        The parameters and the gradient accumulated for them, of one shape.
    _bias, _bias_gradient : array or None
        The same for a bias, where there is one.
    input_shape : tuple or None
        The shape of one example that ``forward`` takes; None stands for any size.
    training : bool
        Whether the net is being trained, rather than evaluated: see :meth:`train`.
    per_example : bool
        Stated by a class whose three computing methods treat each example separately: a batch may be split,
        its parts computed in any order and by copies of the module, and their gradients added up. What such
        a module draws or stores may then differ between the parts, and is stored on the copies.
    pure : bool
        Stated by a class whose three computing methods are NumPy operations on parameters, data and delta
        alone: no state kept from call to call, no branches on values, no draws of a
        ``numpy.random.Generator``. On NumPy its operations may then be recorded, and repeated without calling
        it.

    A subclass that overrides one of the three methods loses both properties unless it states them again.
    """

    # Arrays that `shapes.check_batch` has accepted before: no attribute of a layer, not copied nor saved.
    __slots__ = ("__dict__", "__weakref__", "_fits")
    _fits: Bounded[Any, bool]

    _parameters: Any = None
    _gradient: Any = None
    _bias: Any = None
    _bias_gradient: Any = None
    input_shape: Shape | None = None
    training: bool = True
    per_example: bool = False
    pure: bool = False

    def __init__(self, *, backend: BackendLike = None) -> None:
        if backend is not None:
            find_backend(backend, owner=type(self).__name__)  # only checked: it has no arrays yet

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        forget_stated(cls, ("per_example", "pure"), COMPUTING)
        if cls.__module__.startswith("diynn."):  # diynn's own also take the spellings of courses
            worded(cls, mend=beside_the_net)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __getattr__(self, name: str) -> Any:
        raise elsewhere(self, name)  # a missing attribute: the message has a hint

    def __call__(self, data: Array) -> Array:
        """Return ``forward(data)``."""
        return self.forward(data)

    # -------------------------------------------------------------- what a layer writes

    def forward(self, data: Array) -> Array:
        """Return the outputs (batch, ...) for a batch of inputs (batch, ...)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(data): it returns the outputs")

    def backward_delta(self, data: Array, delta: Array) -> Array:
        """Return the gradient of the cost with respect to ``data``, of its shape (eq. 2 of the sheet).

        ``delta`` is the gradient of the cost with respect to ``forward(data)``, of that shape. A method
        that takes ``output=None`` as well is given ``forward(data)`` by callers that have it.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no backward_delta(data, delta): "
            "it returns the gradient of the cost with respect to data"
        )

    def backward_update_gradient(self, data: Array, delta: Array) -> None:
        """Add the gradient of the cost with respect to the parameters, summed over the batch (eq. 1).

        A module without parameters has nothing to add.
        """
        if own_parameters(self):
            raise NotImplementedError(
                f"{type(self).__name__} has parameters and no backward_update_gradient(data, delta): "
                "it adds their gradient to self._gradient"
            )
        if self.children():
            raise NotImplementedError(
                f"{type(self).__name__} holds modules and has no backward_update_gradient(data, delta): "
                "it calls that of each"
            )

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of one output for one input of ``shape``; None where a size is not known."""
        return shape

    def children(self) -> list[Any]:
        """Return the modules that this one holds, of any origin: by default those among its attributes."""
        return held_modules(self)

    # -------------------------------------------------------------- what all modules have

    def zero_grad(self) -> None:
        """Set the gradient to zero, that of its children as well."""
        for module in _answering(self, "zero_grad"):
            if module is not self and not is_default(module, "zero_grad"):
                zero_grad(module)
                continue
            for parameter in own_parameters(module):
                parameter.gradient = zeros_like(parameter.value)

    def update_parameters(self, gradient_step: float = 1e-3) -> None:
        """Take one step against the gradient: ``parameters -= gradient_step * gradient``; so do children.

        ``learning_rate`` is accepted for ``gradient_step`` too.
        """
        # Where all modules inherit this, a recorded step does as `rules.PlainStep` does.
        if type(gradient_step) is not float:
            check_number(type(self).__name__, "gradient_step", gradient_step)
        for module in _answering(self, "update_parameters"):
            if module is not self and not is_default(module, "update_parameters"):
                update_parameters(module, gradient_step)
                continue
            for parameter in own_parameters(module):
                value = parameter.value
                value -= gradient_step * parameter.gradient
                parameter.value = value

    def parameters(self) -> list[Parameter]:
        """Return the handles of all parameters, those of its children as well, each once."""
        return parameters(self)

    def train(self, mode: bool = True) -> Self:
        """Set the net to training mode, or to evaluation mode if ``mode`` is False; return it.

        Sets ``training`` of this module and of all its descendants, and calls ``train()`` or ``eval()`` of
        modules of other origin that have them. A dropout draws while ``training`` is true.
        """
        set_training(self, flag(type(self).__name__, "mode", mode))
        return self

    def eval(self) -> Self:
        """Set the net to evaluation mode: ``train(False)``."""
        return self.train(False)

    def to(self, backend: BackendLike = None, *, device: Device = None, dtype: DType = None) -> Self:
        """Move the parameters and gradients to another array library, device or dtype; return the module.

        Parameters that shared memory go on sharing it, where the library has views of memory.

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
        owner = type(self).__name__
        if backend is not None:
            backend = find_backend(backend, owner=owner)

        def moved(array: Array) -> Array:
            where = find_backend(namespace(array) if backend is None else backend, device, owner=owner)
            return asarray(array, where, dtype=None if dtype is None else as_dtype(dtype, where, owner=owner))

        move(self.parameters(), moved)
        return self

    def copy(self) -> Self:
        """Return a copy that shares no array with this module; arrays that shared memory still do."""
        return copy.deepcopy(self)

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        # A view is copied and pickled as a separate array: so its memory and its place there go along.
        handles = [each for module in walk(self) for each in _handles(module)]
        ties = [(handles[number], lies) for number, lies in tied([each.value for each in handles])]
        return state | {"_ties": ties} if ties else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        ties: list[tuple[Parameter, View]] = state.pop("_ties", [])
        vars(self).update(state)
        memories: dict[int, Array] = {}
        for handle, lies in ties:  # memory may have been copied once for each view of it
            handle.value = lies.of(memories.setdefault(lies.memory, lies.flat))

    def _set_parameters(self, parameters: Any, bias: Any, backend: BackendLike, dtype: DType) -> None:
        """Set the parameters, and the bias unless None, from host arrays; set their gradients to zero."""
        where = find_backend(backend, owner=type(self).__name__)
        dtype = as_dtype(dtype, where, owner=type(self).__name__)
        self._parameters = asarray(parameters, where, dtype=dtype)
        self._bias = None if bias is None else asarray(bias, where, dtype=dtype)
        self.zero_grad()


# ------------------------------------------------------------------ modules of any origin


def parameters(net: Any) -> list[Parameter]:
    """Return the handles on the parameters of any net, each once.

    Raises
    ------
    TypeError
        If a module's parameters are not arrays, or if a net holds modules where they cannot be found.
    """
    return parameters_in(places(net))


def parameters_in(found: Sequence[tuple[str, Any]]) -> list[Parameter]:
    """Return the handles of modules with their places, as :func:`diynn.composition.places` found them."""
    handles = [each for place, module in found for each in own_parameters(module, place)]
    for _, module in found:
        _raise_if_hiding(module, handles)
    return handles


def move(handles: Sequence[Parameter], moved: Callable[[Array], Array]) -> None:
    """Let parameters and their gradients be what ``moved`` makes of them; what shares memory goes on so."""
    for handle, value in zip(handles, move_together([each.value for each in handles], moved), strict=True):
        gradient = getattr(handle.owner, handle.gradient_name, None)  # one that was never zeroed has none
        if gradient is not None:
            handle.gradient = moved(handle.gradient)
        handle.value = value


def _raise_if_hiding(module: Any, handles: list[Parameter]) -> None:
    """Raise if a module holds others that the walk does not find: they would be trained in part."""
    if type(module).__module__.startswith("diynn."):
        return
    for name, value in attributes(module).items():
        if not is_module(value) and any(map(modules_in, attributes(value).values())):
            raise TypeError(
                f"{type(module).__name__}: `{name}`, of type {type(value).__name__}, holds modules, and they "
                "cannot be found there; write a method children() that returns the list of them"
            )
    if isinstance(module, Module) and type(module).parameters is not Module.parameters:
        lost = [each for each in module.parameters() if each not in handles]
        if lost:
            raise TypeError(
                f"{type(module).__name__}: `parameters` returns {lost[0]!r}, whose owner "
                f"{type(lost[0].owner).__name__} children() does not return; write a method children() "
                "that returns the modules held, and leave `parameters` as it is"
            )


def first_handle(net: Any) -> Parameter | None:
    """Return a handle on one of a net's parameters, which shows their backend; None if it has none.

    One of real numbers: data are to get their dtype.
    """
    handles = (handle for module in walk(net) for handle in _handles(module))
    return next((each for each in handles if kind(each.value) == "real floating"), None)


def first_parameter(net: Any) -> Array | None:
    """Return one of a net's parameters, which shows their backend and dtype, or None."""
    handle = first_handle(net)
    return None if handle is None else handle.value


def zero_grad(module: Any) -> None:
    """Call ``module.zero_grad()``, for any module."""
    _harmlessly(module, "zero_grad")


def update_parameters(module: Any, gradient_step: float) -> None:
    """Call ``module.update_parameters(gradient_step)``, for any module."""
    _harmlessly(module, "update_parameters", gradient_step)


def set_training(net: Any, mode: bool) -> None:
    """Set all modules of a net to training or evaluation mode."""
    for module in walk(net):
        if isinstance(module, Module):
            if module.training is not mode:
                module.training = mode
            continue
        method = getattr(module, "train" if mode else "eval", None)
        if callable(method):
            method()


@contextmanager
def in_mode(net: Any, *, training: bool) -> Iterator[None]:
    """Set a net's mode within a ``with`` block; afterwards each module has its previous mode."""
    ours = [module for module in walk(net) if isinstance(module, Module)]
    before = [module.training for module in ours]
    set_training(net, training)
    try:
        yield
    finally:
        set_training(net, before[0] if before else True)
        for module, mode in zip(ours, before, strict=True):
            if module.training is not mode:
                module.training = mode


def is_default(module: Any, method: str) -> bool:
    """Say whether a method of a module is that of :class:`Module`, overridden by no class and no instance."""
    return getattr(getattr(module, method, None), "__func__", None) is getattr(Module, method)


def _answering(module: Module, method: str) -> list[Any]:
    """Return the modules, of a module and its descendants, whose method has to be called, each once.

    A method that a class overrides is responsible for all that its module holds.
    """
    found: dict[int, Any] = {}

    def visit(each: Any) -> None:
        if id(each) not in found:
            found[id(each)] = each
            if each is module or is_default(each, method):
                for child in children(each):
                    visit(child)

    visit(module)
    return list(found.values())


def _harmlessly(module: Any, method: str, *arguments: float) -> None:
    if isinstance(module, Module):
        getattr(module, method)(*arguments)
        return
    # The skeleton handed out with the sheet computes with `_parameters` even if it is None. For an
    # activation that only inherits that method this is harmless; in its own method it is an error.
    try:
        getattr(module, method)(*arguments)
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise_unless_harmless(module, method, error)


def raise_unless_harmless(module: Any, method: str, error: Exception) -> None:
    """Re-raise an error of a module's method, unless it inherits the method and has no parameters."""
    # Where there is no `_parameters` at all, "not implemented" alone is taken for "has none": 0 is not empty.
    if_missing = None if isinstance(error, NotImplementedError) else 0
    held = getattr(module, "_parameters", if_missing)
    empty = held is None or (isinstance(held, list | tuple | dict) and not held)
    if isinstance(module, Module) or method in vars(type(module)) or not empty:
        raise error


def _handles(module: Any) -> list[Parameter]:
    try:
        return own_parameters(module)
    except TypeError:  # parameters of a kind that cannot be reached
        return []
