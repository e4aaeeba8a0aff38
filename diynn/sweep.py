"""Studies: many runs of one function, by joblib, each saved as it ends."""

from __future__ import annotations

import itertools
import json
import os
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from inspect import signature
from time import perf_counter, sleep
from typing import IO, Any, TypeAlias

from diynn.arguments import flag
from diynn.calls import spelled, worded
from diynn.execution.choice import at_most
from diynn.history import History
from diynn.rendering import html_table, progress_bar, text_table
from diynn.shapes import positive
from diynn.wording import as_path, shown

Row: TypeAlias = dict[str, Any]


@worded
class Sweep(Sequence[Row]):
    """The rows of a study, in the order of its grid, as :func:`sweep` returns them.

    A row is a dict of ``key``, ``configuration``, ``seconds``, and ``result``, or ``error`` in words.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    @property
    def failures(self) -> list[Row]:
        """The rows of runs that raised an exception or whose worker died."""
        return [row for row in self.rows if "error" in row]

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns, as ``pandas.DataFrame`` takes them; None where a run has no value."""
        flat = [{**row["configuration"], **row.get("result", {}), "seconds": row["seconds"]} for row in self]
        if self.failures:
            flat = [each | {"error": row.get("error")} for each, row in zip(flat, self.rows, strict=True)]
        return {name: [each.get(name) for each in flat] for name in dict.fromkeys(itertools.chain(*flat))}

    def __repr__(self) -> str:
        return text_table(*self._cells())

    def _repr_html_(self) -> str:
        return html_table(*self._cells())

    def _cells(self) -> tuple[list[str], list[list[str]], int]:
        columns = self.to_dict()
        return list(columns), [list(map(_cell, row)) for row in zip(*columns.values(), strict=True)], 0

    def plot(self, value: str | None = None, *, ax: Any = None) -> Any:
        """Draw ``value`` of all runs against each factor: :func:`diynn.plots.main_effects` (extra ``demo``).

        Raises
        ------
        ValueError
            If no run has a result of that name; None is the first one.
        """
        from diynn.plots import main_effects

        ended = [row for row in self.rows if "result" in row]
        names = list(dict.fromkeys(name for row in ended for name in row["result"]))
        if not names or (value or names[0]) not in names:
            raise ValueError(
                f"Sweep.plot: `value` must be one of {', '.join(names) or 'none yet'}, got {value!r}"
            )
        value = value or names[0]
        ended = [row for row in ended if value in row["result"]]
        factors = dict.fromkeys(name for row in ended for name in row["configuration"])
        levels = {name: [row["configuration"].get(name) for row in ended] for name in factors}
        return main_effects(levels, [row["result"][value] for row in ended], value, ax=ax)


@spelled()
def sweep(
    function: Callable[..., Any],
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    path: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    retry: bool = False,
    each: Callable[[Row], None] | None = None,
    progress: bool = True,
) -> Sweep:
    """Call a function for each configuration of a grid, and save each run as it ends.

    Runs are tasks of joblib: on processes of this machine, or on the backend of ``joblib.parallel_config``,
    such as ``"dask"`` for many machines. A run has one thread, unless it asks for more by number. Started
    again with the same ``path``, a study resumes. A run whose worker died is tried once more, alone.

    Parameters
    ----------
    function : callable
        Takes a configuration as keywords; returns a number, a dict of numbers and words, or a
        :class:`diynn.History`, whose last values are kept.
    grid : dict of str to sequence, or list of dict
        The values of each factor, of which all combinations are run; or the configurations themselves.
        Values are numbers, words, None, or lists of them.
    path : path, optional
        File for one line of JSON a run, under a ``key`` that is the hash of the configuration.
    workers : int, optional
        Number of runs at a time; 1 for one after another in this process; None for one per core.
    retry : bool
        Whether to repeat runs that failed earlier.
    each : callable, optional
        Called with the row of each run as it ends.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    Sweep

    Raises
    ------
    ImportError
        If joblib is not installed.
    TypeError, ValueError
        If the grid is empty or holds what JSON cannot, the function does not take the configurations, or the
        file holds something else.
    RuntimeError
        If another sweep is writing to the file.
    """
    retry, progress = flag("sweep", "retry", retry), flag("sweep", "progress", progress)
    if each is not None and not callable(each):
        raise TypeError(f"sweep: `each` must be a function of a row, got {shown(each)}")
    path = None if path is None else as_path("sweep", path)
    workers = -1 if workers is None else positive("sweep", "workers", workers)
    wanted = {_key(configuration): configuration for configuration in _configurations(grid)}
    _check_call(function, next(iter(wanted.values())))
    with _opened(path) as (file, kept):
        rows = {key: row for key, row in kept.items() if not (retry and "error" in row)}
        left = {key: wanted[key] for key in wanted if key not in rows}
        done = len(wanted) - len(left)
        bar = progress_bar(total=len(wanted), initial=done, unit="run", disable=not progress)
        for key, outcome in _outcomes(function, left, workers):
            bar.update()
            line = _json({"key": key, "configuration": wanted[key], **outcome})
            rows[key] = json.loads(line)
            if file is not None:
                file.write(line.encode() + b"\n")
            if each is not None:
                each(rows[key])
        bar.close()
    return Sweep(rows[key] for key in wanted)


def _configurations(grid: Any) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        for name, values in grid.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(f"sweep: `grid[{name!r}]` must be a list of values, got {shown(values)}")
        found = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()) if grid]
    else:
        found = list(grid) if isinstance(grid, Iterable) else [grid]
        if not all(isinstance(each, Mapping) for each in found):
            raise TypeError(
                f"sweep: `grid` must be a dict of lists, or a list of configurations, got {shown(grid)}"
            )
    if not found:
        raise ValueError("sweep: `grid` must hold a configuration at least, got none")
    return [dict(each) for each in found]


def _check_call(function: Any, configuration: dict[str, Any]) -> None:
    if not callable(function):
        raise TypeError(f"sweep: `function` must be a function, got {shown(function)}")
    try:
        signature(function).bind(**configuration)
    except TypeError as error:
        names = ", ".join(configuration)
        raise TypeError(f"sweep: `function` must take the keywords {names}: {error}") from None


def _key(configuration: dict[str, Any]) -> str:
    from hashlib import sha256  # this import and the two below take 6 ms, which `import diynn` saves

    return sha256(_json(configuration, sort_keys=True).encode()).hexdigest()[:16]


def _json(value: Any, **options: Any) -> str:
    def number(value: Any) -> Any:
        if hasattr(value, "tolist"):  # NumPy's and the like
            return value.tolist()
        raise TypeError(f"sweep: numbers, words, None and lists of them can be kept, got {shown(value)}")

    return json.dumps(value, default=number, **options)


@contextmanager
def _opened(path: str | os.PathLike[str] | None) -> Iterator[tuple[IO[bytes] | None, dict[str, Row]]]:
    """Open a file for appending, locked against other sweeps, and read its rows."""
    if path is None:
        yield None, {}
        return
    with open(path, "ab+", buffering=0) as file:
        with suppress(ImportError):  # not on Windows
            from fcntl import LOCK_EX, LOCK_NB, flock

            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(f"sweep: another sweep is writing to {os.fspath(path)}") from None
        file.seek(0)
        *lines, half = file.read().split(b"\n")
        file.truncate(file.tell() - len(half))  # the process ended while it was written
        rows = {}
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
                rows[row["key"]] = row
            except (ValueError, TypeError, KeyError):
                raise ValueError(f"sweep: line {number} of {os.fspath(path)} is no row of a sweep") from None
        yield file, rows


def _outcomes(
    function: Callable[..., Any], left: dict[str, Any], workers: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keys and results of runs, as they end."""
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise ImportError('sweep needs joblib: pip install "diynn[sweep]"') from error

    def tasks(keys: list[str], begun: list[str]) -> Iterator[Any]:
        for key in keys:
            begun.append(key)  # one per worker: suspects if a worker dies
            yield delayed(_run)(key, function, left[key], os.getpid())

    ahead, suspects = list(left), list[str]()
    while ahead:
        begun: list[str] = []
        alone, suspects = suspects[:1], suspects[1:]
        # A new pool each time: a broken one may fail again.
        pool = Parallel(
            workers, return_as="generator_unordered", batch_size=1, pre_dispatch="n_jobs", mmap_mode="c"
        )
        try:
            for key, outcome in pool(tasks(alone or ahead.copy(), begun)):
                ahead.remove(key)
                yield key, outcome
        except Exception as error:
            if not _died(error):
                raise
            if alone:
                ahead.remove(alone[0])
                yield alone[0], {"error": "its worker died, twice", "seconds": None}
            else:
                suspects = [key for key in begun if key in ahead]


def _died(error: Exception) -> bool:
    from concurrent.futures import BrokenExecutor

    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"  # loky's, and dask's


def _run(
    key: str, function: Callable[..., Any], configuration: Any, owner: int
) -> tuple[str, dict[str, Any]]:
    if os.getpid() != owner and not any(each.name == "diynn_parent" for each in threading.enumerate()):
        threading.Thread(target=_watch, args=(os.getppid(),), name="diynn_parent", daemon=True).start()
    from threadpoolctl import threadpool_limits

    start = perf_counter()
    try:
        with threadpool_limits(1), at_most(1):
            outcome = {"result": _plain(function(**configuration))}
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    return key, {**outcome, "seconds": perf_counter() - start}


def _watch(parent: int) -> None:
    """End this worker when its parent process has ended, since its result cannot be returned."""
    while os.getppid() == parent:
        sleep(0.2)
    os._exit(1)


def _plain(result: Any) -> Any:
    if isinstance(result, History):
        result = {name: values[-1] for name, values in result.columns.items()}
    return json.loads(_json(result if isinstance(result, dict) else {"value": result}))


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
