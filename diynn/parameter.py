"""Handles on the parameters of any module, through which all other code reaches them."""

from __future__ import annotations

from typing import Any

from diynn.arrays import Array, namespace

#: The attributes that hold parameters, each with the attribute of its gradient.
NAMES = (("_parameters", "_gradient"), ("_bias", "_bias_gradient"))


class Parameter:
    """A handle on one array of parameters and its gradient, which live as attributes of their module.

    Reading or assigning ``value`` and ``gradient`` reads or assigns those attributes, so a handle never
    goes stale. Two handles are equal if they refer to the same array of the same module.

    Parameters
    ----------
    owner : object
        The module that holds the arrays.
    name, gradient_name : str
        The attributes that hold them.
    place : str
        The owner's place in its net, such as ``"0."``; empty outside a net.
    key : str or int, optional
        The key of the array, if the attributes hold a dict or a list of arrays.
    """

    __slots__ = ("gradient_name", "key", "name", "owner", "place")

    def __init__(
        self, owner: Any, name: str, gradient_name: str, place: str = "", key: str | int | None = None
    ) -> None:
        self.owner, self.name, self.gradient_name, self.place = owner, name, gradient_name, place
        self.key = key

    def __repr__(self) -> str:
        return f"Parameter({self.label}: {tuple(self.value.shape)} {self.value.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameter) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[int, str, str | int | None]:
        return id(self.owner), self.name, self.key

    @property
    def label(self) -> str:
        """The handle's name within the net, such as ``"0._parameters"``, or ``"0._parameters.W"``."""
        return self.place + self.name + ("" if self.key is None else f".{self.key}")

    @property
    def is_bias(self) -> bool:
        """Whether the array is named as a bias, or has at most one axis."""
        return self.name == "_bias" or self.value.ndim < 2

    @property
    def value(self) -> Array:
        """The array of parameters."""
        return self._read(self.name)

    @value.setter
    def value(self, array: Array) -> None:
        self._write(self.name, array)

    @property
    def gradient(self) -> Array:
        """The gradient accumulated so far, of the shape of ``value``.

        Raises
        ------
        TypeError
            If the module has no gradient of that name.
        """
        try:
            return self._read(self.gradient_name)
        except (AttributeError, KeyError, IndexError, TypeError):
            words = "" if self.key is None else f" with the keys of `{self.name}`"
            raise TypeError(
                f"{type(self.owner).__name__}: the gradient of `{self.name}` must be `{self.gradient_name}`"
                f"{words}, and there is none"
            ) from None

    @gradient.setter
    def gradient(self, array: Array) -> None:
        if self.key is not None and getattr(self.owner, self.gradient_name, None) is None:
            held = getattr(self.owner, self.name)  # gradients in a dict or list of the same length
            setattr(self.owner, self.gradient_name, {} if isinstance(held, dict) else [None] * len(held))
        self._write(self.gradient_name, array)

    def _read(self, name: str) -> Array:
        held = getattr(self.owner, name)
        return held if self.key is None else held[self.key]

    def _write(self, name: str, array: Array) -> None:
        if self.key is None:
            setattr(self.owner, name, array)
        else:
            getattr(self.owner, name)[self.key] = array


def own_parameters(module: Any, place: str = "") -> list[Parameter]:
    """Return the handles on the arrays that a module of any origin itself holds.

    An attribute holds one array, or a dict or list of arrays; None and an empty container hold none.

    Raises
    ------
    TypeError
        If a module holds its parameters as anything else.
    """
    found = []
    for name, gradient_name in NAMES:
        held = getattr(module, name, None)
        if held is None or isinstance(held, bool):  # a flag, such as whether there is a bias
            continue
        for key, value in _items(held):
            try:
                namespace(value)
            except TypeError:
                what = f"`{name}`" if key is None else f"`{name}[{key!r}]`"
                raise TypeError(
                    f"{type(module).__name__}: {what} must be an array, or `{name}` a dict or list of them, "
                    f"to be reached from outside, got {type(value).__name__}"
                ) from None
            found.append(Parameter(module, name, gradient_name, place, key))
    return found


def _items(held: Any) -> list[tuple[Any, Any]]:
    if isinstance(held, dict):
        return [(key, value) for key, value in held.items() if value is not None]
    if isinstance(held, list):
        return [(place, value) for place, value in enumerate(held) if value is not None]
    return [(None, held)]
