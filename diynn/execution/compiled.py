"""Machine code of lowered sources: compiled once, cached on disk, and linked to NumPy's own BLAS.

A file of the cache is named by a hash of all that it depends on: the text, this package's translation, LLVM,
NumPy's BLAS and the processor; so no entry goes stale. It is written under a temporary name and renamed, so
that no process reads half of one. Where the directory cannot be written to, each process compiles.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import RLock, Thread
from typing import Any, Generic, NamedTuple, TypeVar

from diynn.bounded import Bounded
from diynn.execution.lowering import Source
from diynn.execution.walking import WALKS, Function, walk

_TRANSLATION = ("machine_code.py", "instructions.py", "vector_math.py")
_Made = TypeVar("_Made")
_loading = RLock()


if hasattr(os, "register_at_fork"):  # no fork while LLVM compiles, or the child could never compile
    os.register_at_fork(
        before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
    )


class CannotCompile(Exception):  # noqa: N818  # a reason, which `choice` reports
    """Nothing can be compiled here; the message says why."""


class Code(NamedTuple):
    """Functions in memory, for as long as this object lives: their addresses, and LLVM's engine."""

    addresses: dict[str, int]
    engine: Any


_RECENT = 32  # programs that stay in memory when no step uses them: nets of one shape share one
_recent: Bounded[str, Code] = Bounded(_RECENT)


class Blas(NamedTuple):
    """NumPy's BLAS: where its functions are, the bits of its integers, and its name and version."""

    symbols: dict[str, int]
    width: int
    name: str


def installed() -> bool:
    """Say whether compilation is enabled and llvmlite is installed; `available` finds out the rest."""
    return os.environ.get("DIYNN_COMPILE") != "0" and find_spec("llvmlite") is not None


def available() -> None:
    """Raise unless steps can be compiled here.

    Raises
    ------
    CannotCompile
        If ``DIYNN_COMPILE=0``, llvmlite is not installed, or NumPy computes without OpenBLAS.
    """
    if os.environ.get("DIYNN_COMPILE") == "0":
        raise CannotCompile("DIYNN_COMPILE=0")
    with _loading:
        _llvm()


def code_of(source: Source) -> Code:
    """Return a source's machine code, whose function is called ``step``; compile it if it is not cached.

    Raises
    ------
    CannotCompile
        As `available` does; or if this machine lacks a function that the source calls.
    """
    return load({"step": Function(source.text, [None, *source.arguments.values()])})


class Later(Generic[_Made]):
    """A result that is computed on a background thread: LLVM works without the interpreter's lock.

    The thread is no daemon: LLVM cannot be stopped, and takes a second at most.

    Parameters
    ----------
    make : callable
        Returns it: a `native.Step`, for example.
    """

    def __init__(self, make: Callable[[], _Made]) -> None:
        self._made: list[_Made] = []
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, args=(make,), name="diynn_compile")
        self._thread.start()

    def result(self, *, wait: bool = False) -> _Made | None:
        """Return the result, or None while there is none yet; with ``wait``, wait for it.

        Raises
        ------
        Exception
            The reason why there is none: most often `CannotCompile` or `CannotLower`.
        """
        if wait:
            self._thread.join()
        ended = not self._thread.is_alive()
        if self._error is not None:
            raise self._error
        if ended and not self._made:
            raise CannotCompile("the process was forked while it was under way")
        return self._made[0] if self._made else None

    def _run(self, make: Callable[[], _Made]) -> None:
        try:
            self._made.append(make())
        except Exception as error:  # raised by `result`
            self._error = error


@cache
def walks() -> Code:
    """Return the compiled functions of `walking`."""
    return load({each.__name__: walk(each) for each in WALKS})


# ------------------------------------------------------------------ NumPy's BLAS


@cache
def blas() -> Blas:
    """Return the OpenBLAS that NumPy computes with.

    Raises
    ------
    CannotCompile
        If there is none.
    """
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(internal_api="openblas").lib_controllers
    found.sort(key=lambda each: "numpy" not in each.filepath)  # SciPy brings one of its own
    for each in found:
        library = ctypes.CDLL(each.filepath)
        for before, after in (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", "")):
            names = {
                f"diynn_{name}": f"{before}cblas_{name}{after}"
                for name in ("sgemm", "dgemm", "sgemv", "dgemv")
            }
            if all(hasattr(library, name) for name in names.values()):
                config = getattr(library, f"{before}openblas_get_config{after}")
                config.restype = ctypes.c_char_p
                text = config().decode()
                symbols = {own: _address(getattr(library, name)) for own, name in names.items()}
                return Blas(symbols, 64 if "USE64BITINT" in text else 32, text)
    raise CannotCompile("NumPy computes without OpenBLAS")


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


def _of_system() -> dict[str, int]:
    """Return the addresses of the system calls that threads make: to yield, and for the core they run on."""
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        return {
            "diynn_yield": _address(kernel.SwitchToThread),
            "diynn_core": _address(kernel.GetCurrentProcessorNumber),
        }
    system = ctypes.CDLL(None)
    core = system.sched_getcpu if hasattr(system, "sched_getcpu") else system.sched_yield  # macOS has none
    return {"diynn_yield": _address(system.sched_yield), "diynn_core": _address(core)}


# ------------------------------------------------------------------ LLVM


@cache
def _llvm() -> Any:
    try:
        import llvmlite.binding as llvm
    except ImportError:
        raise CannotCompile("llvmlite is not installed: pip install diynn[fast]") from None
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for name, address in (blas().symbols | _of_system()).items():
        llvm.add_symbol(name, address)
    return llvm


def _machine() -> Any:
    """Return LLVM's target: this machine."""
    llvm = _llvm()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=3, jit=True)


def load(functions: Mapping[str, Function]) -> Code:
    """Load functions into memory: compiled now, unless their code is cached."""
    with _loading:
        key = _key(functions)
        found = _recent.get(key)
        if found is None:
            code, needs = _kept(key) or _made(key, functions)
            found = _recent[key] = _linked(code, needs, list(functions))
        return found


def _key(functions: Mapping[str, Function]) -> str:
    llvm = _llvm()
    parts = [
        *(f"{name} {each.kinds} {each.apart}\n{each.text}" for name, each in functions.items()),
        *(Path(__file__).with_name(name).read_text() for name in _TRANSLATION),
        *(str(llvm.llvm_version_info), blas().name, str(blas().width)),
        *(llvm.get_default_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _made(key: str, functions: Mapping[str, Function]) -> tuple[bytes, list[str]]:
    """Compile functions, and cache their code."""
    from diynn.execution.machine_code import compile_functions

    made = compile_functions(functions, blas().width, _machine())
    _keep(key, made.code, made.needs)
    return made


def _linked(code: bytes, needs: list[str], names: list[str]) -> Code:
    """Load machine code; return its functions' addresses, and the engine that owns it."""
    llvm = _llvm()
    for name in needs:  # LLVM aborts the process for one that it does not find
        if llvm.address_of_symbol(name) is None:
            library = ctypes.CDLL(find_library("m"))
            if not hasattr(library, name):
                raise CannotCompile(f"this machine's C library has no {name}")
            llvm.add_symbol(name, _address(getattr(library, name)))
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Code({name: engine.get_function_address(name) for name in names}, engine)


# ------------------------------------------------------------------ on disk


def directory() -> Path:
    """Return the cache's directory: ``DIYNN_CACHE``, or the system's place for caches."""
    if "DIYNN_CACHE" in os.environ:
        return Path(os.environ["DIYNN_CACHE"])
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "diynn"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "diynn"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "diynn"


def _kept(key: str) -> tuple[bytes, list[str]] | None:
    """Return the cached code of a key, or None if there is none or it is damaged."""
    try:
        content = (directory() / f"{key}.bin").read_bytes()
        digest, rest = content[:32], content[32:]
        if hashlib.sha256(rest).digest() != digest:
            return None
        header, _, code = rest.partition(b"\n")
        return code, json.loads(header)
    except (OSError, RuntimeError):  # there is no home, or it is not readable
        return None


def _keep(key: str, code: bytes, needs: list[str]) -> None:
    rest = json.dumps(needs).encode() + b"\n" + code
    try:
        directory().mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=directory())
        try:
            with os.fdopen(number, "wb") as file:
                file.write(hashlib.sha256(rest).digest() + rest)
            Path(name).replace(directory() / f"{key}.bin")
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, RuntimeError) as error:
        _tell(f"diynn: compiled steps are not kept, and compiled anew by each process: {error}; "
              "DIYNN_CACHE names another directory")  # fmt: skip


@cache
def _tell(message: str) -> None:
    """Warn, once."""
    warnings.warn(message, RuntimeWarning, stacklevel=2)
