"""Callbacks that write the history of a training to files while it runs."""

from __future__ import annotations

import os
from importlib import import_module
from time import time
from typing import Any

from diynn.callbacks import Callback, Run
from diynn.calls import spelled
from diynn.history import csv_text
from diynn.wording import as_path

__all__ = ["Log", "TensorBoard"]


class Log(Callback):
    """Append a row per epoch to a file of comma-separated values: written rows survive a killed process.

    A new training replaces the file; one that resumes from a checkpoint keeps the rows before it.

    Parameters
    ----------
    path : path
    """

    @spelled()
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path("Log", path)

    def start(self, run: Run) -> None:
        """Write the rows of the epochs that are done."""
        if len(run.history):
            run.history.to_csv(self.path)

    def epoch_end(self, run: Run) -> None:
        """Append the last row, and flush it to disk."""
        if len(run.history) == 1:
            run.history.to_csv(self.path)
            return
        with open(self.path, "a", encoding="utf-8", newline="") as file:
            file.write(csv_text(run.history.rows()[-1:]))
            file.flush()
            os.fsync(file.fileno())


class TensorBoard(Callback):
    """Write the history's columns for TensorBoard (extra ``tensorboard``): ``tensorboard --logdir runs``.

    Parameters
    ----------
    path : path
        The folder of this training, such as ``"runs/first"``.

    Raises
    ------
    ImportError
        If the library is not installed.
    """

    @spelled()
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path("TensorBoard", path)
        try:
            self._writers = import_module("tensorboard.summary.writer.event_file_writer")
            self._events = import_module("tensorboard.compat.proto.event_pb2")
            self._summaries = import_module("tensorboard.compat.proto.summary_pb2")
        except ImportError:
            raise ImportError(
                "TensorBoard: needs a library that is not installed: pip install 'diynn[tensorboard]'"
            ) from None

    def start(self, run: Run) -> None:
        """Open a file; if the training resumes, entries of later epochs are purged."""
        self._writer = self._writers.EventFileWriter(self.path)
        begun = self._events.SessionLog(status=self._events.SessionLog.START)
        self._add(run.epoch + 1, session_log=begun)

    def epoch_end(self, run: Run) -> None:
        """Write the last value of each column."""
        values = [
            self._summaries.Summary.Value(tag=name, simple_value=column[-1])
            for name, column in run.history.columns.items()
        ]
        self._add(run.epoch, summary=self._summaries.Summary(value=values))

    def end(self, run: Run) -> None:
        """Close the file."""
        self._writer.close()

    def _add(self, epoch: int, **what: Any) -> None:
        self._writer.add_event(self._events.Event(wall_time=time(), step=epoch, **what))
        self._writer.flush()
