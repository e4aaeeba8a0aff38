"""The command ``diynn check``."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

#: The default cache of verdicts, in the current folder.
KEPT = "diynn-results.jsonl"


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add ``check`` to the commands."""
    parser = subparsers.add_parser(
        "check",
        help="judge the modules and losses of a file, a notebook, or the work of a class of students",
        description="Find the classes of the course sheet in Python files and notebooks, judge each in a "
        "process of its own, and say what is wrong with it. Of a folder or a zip file of students' work, "
        "write a line for each student. Exit status 0 if all is right, 1 if something is wrong, 2 if there "
        "is nothing to judge, 3 if nothing is wrong but not everything could be looked at, 130 if stopped.",
        epilog="On Linux the kernel (Landlock and seccomp) keeps the code that is judged from other files, "
        "programs, processes and the network. Elsewhere use a container for code you do not trust.",
    )
    add = parser.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="files, notebooks, folders or zip files")
    add("--course", type=Path, metavar="TOML", help="course file (default: diynn.toml in the folder)")
    add("--init", action="store_true", help="write a course file with comments; with --gradescope DIR, "
        "also what an autograder needs")  # fmt: skip
    add("--students", choices=("auto", "folders", "files", "one"), help="how students are told apart")
    add("--csv", type=Path, metavar="OUT", help="write a table of points")
    add("--html", type=Path, metavar="OUT", help="write a page to search in, and a page a student")
    add("--feedback", type=Path, metavar="DIR", help="write a text for each student")
    add("--gradescope", type=Path, metavar="OUT", help="write results.json, of several students one each")
    add("--json", type=Path, metavar="OUT", help="write everything that was found as JSON")
    add("--keep", metavar="FILE", help="where verdicts are kept as they come, and found again; `none` for "
        f"nowhere (default: {KEPT} for folders and zip files)")  # fmt: skip
    add("--again", action="store_true", help="judge everything anew")
    add("--lang", choices=("en", "fr"), help="language (default: the course's, or that of the locale)")
    add("--timeout", type=_positive, metavar="S", help="seconds of a processor's time a class, or four times "
        "as many by the clock (default: 10)")  # fmt: skip
    add("--memory", type=_positive, metavar="MB", help="memory a class (default: 3072)")
    add("--total-timeout", type=_positive, metavar="S", help="seconds for all of it: what is not begun by "
        "then is told, and judged by the next run (default: no limit)")  # fmt: skip
    add("--jobs", type=_count, metavar="N", help="classes judged at a time (default: one a processor)")
    add("--quiet", action="store_true", help="print a line a student and the table, not the reports")
    parser.set_defaults(func=run)


def _positive(word: str) -> float:
    value = float(word)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be positive, got {word}")
    return value


def _count(word: str) -> int:
    value = int(word) if word.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {word}")
    return value


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from diynn.checking.course.archive import ArchiveError
    from diynn.checking.course.course import CourseError
    from diynn.checking.course.outputs import OutputError
    from diynn.checking.reporting.messages import language
    from diynn.checking.reporting.terminal import say

    try:
        if options.init:
            return _init(options, language(options.lang))
        return _grade(options, language(options.lang))
    except (OSError, CourseError, ArchiveError, OutputError) as error:
        say(str(error), sys.stderr, "en")
        return 2


def _init(options: argparse.Namespace, lang: str) -> int:
    from diynn.checking.course.templates import write_templates
    from diynn.checking.reporting.messages import text
    from diynn.checking.reporting.terminal import say

    folder = options.paths[0] if options.paths else Path()
    for path in write_templates(folder, lang, options.gradescope):
        say(text("written", lang, path=path), sys.stdout, lang)
    return 0


def _grade(options: argparse.Namespace, lang: str) -> int:
    from diynn.checking.course.cache import VerdictCache
    from diynn.checking.course.console import Console
    from diynn.checking.course.outputs import Outputs
    from diynn.checking.course.progress import ProgressBar
    from diynn.checking.course.run import inputs, prepare
    from diynn.checking.reporting.messages import text
    from diynn.checking.reporting.terminal import say

    with ExitStack() as stack:
        course_run = stack.enter_context(
            prepare(
                options.paths, course=options.course, students=options.students, lang=lang,
                timeout=options.timeout, megabytes=options.memory and int(options.memory),
                total=options.total_timeout,
            )
        )  # fmt: skip
        lang = options.lang or course_run.lang
        students = course_run.students
        if not students:
            say(text("no_files", lang, path=", ".join(map(str, options.paths))), sys.stderr, lang)
            return 2
        kept = _kept(options)
        outputs = Outputs(
            options.json, options.csv, options.html, options.feedback, options.gradescope, kept
        )  # fmt: skip
        outputs.try_out(inputs(course_run, options.paths), len(students))
        cache = None
        if kept is not None:
            cache = VerdictCache(
                kept, students, course_run.limits, course_run.course.digest, again=options.again
            )
            stack.callback(cache.close)
        bar = ProgressBar()
        console = Console(lang, len(students), bar, quiet=options.quiet)
        try:
            found = course_run.grade(workers=options.jobs, cache=cache, progress=bar, each=console.student)
        except KeyboardInterrupt:
            bar.close()
            if kept is not None:
                say(text("stopped", lang, path=kept), sys.stderr, lang)
            return 130
        bar.close()
        names = {student.name for student in found}
        helpers = [student.name for student in students if student.name not in names]
        console.end(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else None, helpers)
        if cache is not None and cache.hits:
            say(text("recalled", lang, known=cache.hits, path=kept), sys.stdout, lang)
        for path in outputs.write(found, lang):
            say(text("written", lang, path=path), sys.stdout, lang)
    if not all(student.ok or student.unfinished for student in found):
        return 1
    return 0 if all(student.complete and not student.unfinished for student in found) else 3


def _kept(options: argparse.Namespace) -> Path | None:
    """Return the cache file; None without one, the default for single files."""
    if options.keep is not None:
        return None if options.keep == "none" else Path(options.keep)
    many = any(path.is_dir() or path.suffix.lower() == ".zip" for path in options.paths)
    return Path(KEPT) if many else None
