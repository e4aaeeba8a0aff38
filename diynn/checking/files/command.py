"""The command ``diynn check``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add ``check`` to the commands."""
    parser = subparsers.add_parser(
        "check",
        help="judge the modules and losses of a file, a notebook or a folder of them",
        description="Find the classes of the course sheet in Python files and notebooks, judge each in a "
        "process of its own, and say what is wrong with it. Exit status 0 if all of them are right, 1 if one "
        "is wrong, 2 if there is nothing to judge, 3 if none is wrong but not everything could be looked at.",
        epilog="The code runs as you, with limits on time, memory, files and processes. That guards against "
        "accidents, not against malice: for code you do not trust use a container without network.",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE", help="files, notebooks, or folders of them"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write everything that was found as JSON")
    parser.add_argument(
        "--gradescope", type=Path, metavar="OUT", help="write results.json as Gradescope reads it"
    )
    parser.add_argument("--lang", choices=("en", "fr"), help="language (default: that of the locale)")
    parser.add_argument(
        "--timeout", type=_positive, default=20.0, metavar="S", help="seconds a class (default: 20)"
    )
    parser.add_argument(
        "--memory", type=_positive, default=3072, metavar="MB", help="memory a class (default: 3072)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="classes judged at a time (default: one a processor)"
    )
    parser.add_argument("--quiet", action="store_true", help="print the tables alone, not the reports")
    parser.set_defaults(func=run)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be positive, got {text}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Judge what the arguments name, print it, and return the exit status."""
    from diynn.checking.files.grade import Limits, find, grade
    from diynn.checking.reporting.gradescope import to_json
    from diynn.checking.reporting.messages import language, text
    from diynn.checking.reporting.results import Result, Verdict
    from diynn.checking.reporting.tables import class_table, file_table

    lang = language(arguments.lang)
    try:
        files = find(arguments.paths)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    if not files:
        print(text("no_files", lang, path=", ".join(map(str, arguments.paths))), file=sys.stderr)
        return 2
    limits = Limits(arguments.timeout, int(arguments.memory))
    bar = _Bar()
    found = grade(files, lang=lang, limits=limits, workers=arguments.jobs, progress=bar)
    bar.close()
    helpers = [verdicts for verdicts in found if verdicts.empty]
    found = [verdicts for verdicts in found if not verdicts.empty]
    if not found:
        helpers[0].problems.append(Result("run", Verdict.FAILED, "no_classes"))
        found, helpers = helpers[:1], helpers[1:]
    for verdicts in found:
        print(file_table(verdicts, lang), end="\n\n")
        if not arguments.quiet:
            for report in verdicts.reports:
                if report.failed:
                    print(report, end="\n\n")
    if len(found) > 1:
        print(class_table(found, lang))
    if helpers:
        print(text("helpers", lang, names=", ".join(verdicts.name for verdicts in helpers)))
    if arguments.json is not None:
        everything = {"files": [verdicts.as_dict(lang) for verdicts in found]}
        arguments.json.write_text(json.dumps(everything, ensure_ascii=False, indent=1), encoding="utf-8")
    if arguments.gradescope is not None:
        arguments.gradescope.write_text(to_json(found, lang), encoding="utf-8")
    if not all(verdicts.ok for verdicts in found):
        return 1
    return 0 if all(verdicts.complete for verdicts in found) else 3


class _Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="class", leave=False, disable=None)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
