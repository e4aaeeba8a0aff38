"""``diynn.check``: the judgement of classes and instances in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from diynn.arguments import flag
from diynn.checking.contract.candidate import Candidate, Partner
from diynn.checking.contract.class_info import describe_class
from diynn.checking.contract.examine import examine
from diynn.checking.contract.host import Host
from diynn.checking.contract.instance import Instance
from diynn.checking.contract.kinds import KINDS, UNKNOWN, Kind, Setup
from diynn.checking.contract.raised import CannotBuild
from diynn.checking.contract.recognise import is_base, kind_of, preferred_reading, recognise
from diynn.checking.files.building import Builder, runnable, setups_of
from diynn.checking.reporting.messages import language
from diynn.checking.reporting.report import Report
from diynn.wording import shown

#: A module, loss or optimiser has at least one of these methods.
_ENTRIES = ("forward", "backward", "backward_delta", "step")


def check_in_process(
    target: Any,
    *,
    like: Any,
    input_shape: tuple[int, ...] | None,
    lang: str | None,
    draws: int,
    seed: int,
    timing: bool,
    beside: type | None,
    watch: Any,
) -> Report:
    """Judge a class or an instance: :func:`diynn.check`."""
    _refuse(target, draws, input_shape, seed)
    flag("check", "timing", timing)
    if beside is not None and not isinstance(beside, type):
        raise TypeError(f"check: `beside` must be the class of a net, got {shown(beside)}")
    if watch is not None and not callable(watch):
        raise TypeError(f"check: `watch` must be a function (name, result), got {shown(watch)}")
    lang = language(lang)
    cls = target if isinstance(target, type) else type(target)
    options: dict[str, Any] = {"draws": draws, "seed": seed, "timing": timing}
    found = _target(target, cls, like, input_shape, beside)
    for name, value in {**options, "watch": watch}.items():
        setattr(found, name, value)
    report = examine(found, lang)
    if not isinstance(target, type):
        for place, layer in _layers(target):
            inner = _target(layer, type(layer), None, None, None)
            for name, value in options.items():
                setattr(inner, name, value)
            part = examine(inner, lang)
            part.name = f"{place}: {part.name}"
            report.parts.append(part)
    return report


def _refuse(target: Any, draws: Any, input_shape: Any, seed: Any) -> None:
    """Raise for wrong arguments."""
    cls = target if isinstance(target, type) else type(target)
    if not any(callable(getattr(cls, name, None)) for name in _ENTRIES):
        raise TypeError(
            f"check: `target` must be a module or a loss, a class or an instance with a method `forward`, "
            f"got {shown(target)}"
        )
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise ValueError(f"check: `draws` must be a positive whole number, got {shown(draws)}")
    sizes = input_shape if isinstance(input_shape, tuple | list) else (input_shape,)
    if input_shape is not None and not all(_is_size(each) for each in sizes):
        raise ValueError(
            f"check: `input_shape` must be the shape of one example, such as (3,), got {shown(input_shape)}"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"check: `seed` must be a whole number, 0 or more, got {shown(seed)}")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _target(
    target: Any, cls: type, like: Any, input_shape: tuple[int, ...] | None, beside: type | None
) -> Candidate:
    info = describe_class(cls)
    kind = kind_of(info) if like is None else _kind_of(like)
    name = cls.__name__ if like is None else like if isinstance(like, str) else _name(like)
    near = _classes_nearby(cls, beside) if kind.family == "container" else {}
    host = Host({**near, cls.__name__: cls}, None if isinstance(target, type) else target)
    partners = {}
    for name, each in near.items():
        its_kind = KINDS["Sequential"] if each is beside else recognise(name)
        if its_kind is not None and each is not cls:
            its_info = describe_class(each)
            partners[its_kind.name] = Partner(its_info, its_kind, Builder(host, its_info, its_kind))
    if isinstance(target, type):
        make, setups = _of_class(host, info, kind, input_shape)
    else:
        make, setups, kind = _of_instance(host, info, kind, input_shape)
        padding = getattr(target, "padding", 0)
        if isinstance(padding, int | str) and padding not in (0, "valid"):  # padding is not of the sheet
            kind, setups = UNKNOWN, runnable(make, UNKNOWN, tuple(Setup({}, each.shape) for each in setups))
    return Candidate(
        info, host, make, kind, setups,
        redraw=bool(kind.name) or isinstance(target, type), preferred=preferred_reading(name),
        partners=partners, bases=tuple(name for name in near if is_base(name)),
    )  # fmt: skip


def _classes_nearby(cls: type, beside: type | None) -> dict[str, type]:
    """Return the classes of the same notebook or script and the base classes; ``beside`` comes last."""
    module = vars(sys.modules.get(cls.__module__, cls))
    found = {
        name: each
        for name, each in module.items()
        if isinstance(each, type) and each.__module__ == cls.__module__ and not name.startswith("_")
    }
    found |= {each.__name__: each for each in cls.__mro__[1:-1]}
    return found | ({beside.__name__: beside} if beside is not None else {})


def _of_class(host: Host, info: Any, kind: Kind, input_shape: Any) -> tuple[Any, tuple[Setup, ...]]:
    setups = kind.setups
    if input_shape is not None and not kind.roles:
        setups = tuple(Setup({}, (batch, *input_shape)) for batch in (2, 1, 4))
    build = Builder(host, info, kind)
    build.choose(setups)
    return build, runnable(build, kind, setups)


def _of_instance(host: Host, info: Any, kind: Kind, input_shape: Any) -> tuple[Any, tuple[Setup, ...], Kind]:
    def make(setup: Setup, values: Any = None) -> Instance:
        return Instance.copy(host, info, values)

    if kind.family == "container":
        return make, kind.setups, kind
    try:
        setups = setups_of(Instance.copy(host, info), kind, input_shape)
    except CannotBuild:
        kind = UNKNOWN
        setups = setups_of(Instance.copy(host, info), kind, input_shape)
    return make, runnable(make, kind, setups), kind


def _kind_of(like: Any) -> Kind:
    name = like if isinstance(like, str) else _name(like)
    kind = KINDS.get(name) or recognise(name)
    if kind is None:
        raise TypeError(f"check: `like` must be one of {', '.join(KINDS)}, got {like!r}")
    return kind


def _name(like: Any) -> str:
    return str(getattr(like, "__name__", type(like).__name__))


def _layers(net: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the layers of a net, nested ones too, with their places counted from 1: ``"2.1"``."""
    children = getattr(net, "children", None)
    held = list(children()) if callable(children) else []
    if not held:
        lists = [each for each in vars(net).values() if isinstance(each, list | tuple)]
        held = next(([*each] for each in lists if each and all(map(_is_layer, each))), [])
    for number, each in enumerate(held, start=1):
        if isinstance(each, tuple):  # a (name, module) pair
            each = each[-1]
        inner = list(_layers(each, f"{place}{number}."))
        yield from inner or [(f"{place}{number}", each)]


def _is_layer(thing: Any) -> bool:
    return callable(getattr(thing, "forward", None)) and callable(getattr(thing, "backward_delta", None))
