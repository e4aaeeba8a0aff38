"""The pages about checking: their files are written, their commands run, their answers compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = Path(__file__).parent.parent / "examples"
COMMAND = (
    "import argparse, sys\nfrom diynn.checking.course.command import register\n"
    "parser = argparse.ArgumentParser()\nregister(parser.add_subparsers())\n"
    "chosen = parser.parse_args(sys.argv[1:])\nsys.exit(chosen.func(chosen))"
)


PAGES_OF_THE_CHECKER = [
    "write_your_own_tanh.md", "ecrire_sa_tanh.md", "grade_a_folder.md", "noter_un_dossier.md"
]  # fmt: skip


def blocks(page):
    return re.findall(
        r"^```(\w+)\n(.*?)^```$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


def answers(page, folder):
    """Yield what a page says is printed and what is, block by block."""
    printed = ""
    for language, text in blocks(page):
        named = re.match(r"# (.+\.(?:py|toml))\n", text)
        if language in ("python", "toml") and named:
            path = folder / named.group(1)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.split("\n", 1)[1], encoding="utf-8")
        elif language == "python":
            (folder / "module.py").write_text(
                "class Module: \n    def backward_update_gradient(self, *a): pass\n"
                "    zero_grad = update_parameters = backward_update_gradient\n"
            )
            printed = run([sys.executable, "-c", text], folder)
        elif language == "text":
            yield text, printed
        elif language == "console":
            line, expected = text.split("\n", 1)
            words = shlex.split(line.removeprefix("$ diynn "))
            yield expected, run([sys.executable, "-c", COMMAND, *words], folder)


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def words_of(answer):
    return sorted(line.split() for line in answer.splitlines() if line.strip())


@pytest.mark.parametrize("page", PAGES_OF_THE_CHECKER)
def test_a_page_shows_what_is_printed(page, tmp_path):
    compared = list(answers(page, tmp_path))
    assert compared
    for expected, printed in compared:
        # Students are printed in the order in which they are finished.
        assert words_of(printed) == words_of(expected)
        assert printed.strip()
