"""The progress bar of a run."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from diynn.checking.files.pool import Job

#: Seconds after which a class's time is shown.
_SLOW = 3.0


class ProgressBar:
    """A bar on standard error, if that is a terminal: classes done, running and slow."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._running: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def begin(self, job: Job) -> None:
        """Note that the judgement of a class begins."""
        with self._lock:
            self._running[str(job.path), job.name] = time.monotonic()

    def end(self, job: Job) -> None:
        """Note that it has ended."""
        with self._lock:
            self._running.pop((str(job.path), job.name), None)

    def tick(self, done: int, total: int) -> None:
        """Draw the bar."""
        if self._bar is None:
            from tqdm import tqdm

            ascii_only = "█" not in _encodable(sys.stderr.encoding)
            self._bar = tqdm(total=total, unit=" classes", leave=False, disable=None, ascii=ascii_only)
        self._bar.set_postfix_str(self.running_jobs(), refresh=False)
        self._bar.n = done
        self._bar.refresh()

    def running_jobs(self) -> str:
        """Return the running classes, the longest first, with their seconds if slow."""
        now = time.monotonic()
        with self._lock:
            running = sorted(self._running.items(), key=lambda each: each[1])
        said = []
        for (path, name), since in running[:3]:
            folder, _, file = path.replace("\\", "/").rpartition("/")
            slow = f" {now - since:.0f} s" if now - since > _SLOW else ""
            said.append(f"{folder.rpartition('/')[2]}/{file} {name}{slow}")
        return ", ".join(said)

    def pause(self) -> None:
        """Clear the bar, so that something can be printed; the next tick draws it again."""
        if self._bar is not None:
            self._bar.clear()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _encodable(encoding: str | None) -> str:
    return "█".encode(encoding or "ascii", "ignore").decode(encoding or "ascii")
