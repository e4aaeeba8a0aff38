"""The files that ``diynn check --init`` writes: a course file with comments, and two for Gradescope."""

from __future__ import annotations

from pathlib import Path

from diynn.checking.course.course import FILE, WEIGHTS, Course

_COURSE = """\
# What `diynn check` asks of a folder of students' work. Every line may be changed or left out.

language = "{language}"       # of everything that is written: "en" or "fr"
timeout = {timeout:g}          # seconds of a processor's time a class
memory = {memory}        # megabytes a class, of which as many are judged at a time as there are processors
# total_timeout = 600  # seconds for all of it: what is not begun by then is told, and left to the next run

# How students are told apart in a folder:
#   "folders"  each folder is a student; loose files, such as a skeleton, may be imported by all
#   "files"    each file is a student, and may read no other
#   "one"      all of it is one student's
#   "auto"     folders and loose files are a student each, unless the folder looks like one project
students = "folders"

# Properties that are remarks: where they fail, that is told and costs nothing. Others: "dtype", "strided",
# "unchanged", "order", "additivity", "independence", "accumulation", "zero_grad", "parameters_unchanged".
remarks = ["broadcasting"]

# The classes that are asked for, and the points of each. One that is not handed in earns none.
# A class is found under any usual spelling (TanH, Sigmoide, Sequentiel, CELoss, ...); other names that are
# allowed are listed: Linear = {{ points = 3, names = ["Lineaire", "Dense"] }}
[classes]
Linear = 3
Tanh = 1
Sigmoid = 1
Softmax = 2
MSELoss = 2
CrossEntropyLoss = 2
Sequential = 2
Optim = 1
Conv1D = 3
MaxPool1D = 2
Flatten = 1

# What each property weighs within the points of a class: what it computes and its gradients ("delta" and
# "gradient" of a layer, "backward" of a loss, "net_..." of a net) outweigh how it behaves besides ("other",
# each), which earns nothing where one of these is wrong.
[weights]
{weights}
"""
_SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, to build the container: choose an image with Python 3.11 or newer.
# Zip this file with run_autograder, diynn.toml and a wheel of diynn (in a clone of it: pip wheel --no-deps .)
set -e
apt-get update
apt-get install -y python3 python3-venv
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install /autograder/source/diynn-*.whl
"""
_RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for each submission.
/autograder/venv/bin/diynn check /autograder/submission --students one --keep none --quiet \\
    --course /autograder/source/diynn.toml --gradescope /autograder/results/results.json
exit 0  # what is wrong stands in results.json
"""


def write_templates(folder: Path, lang: str, gradescope: Path | None = None) -> list[Path]:
    """Write a course file into a folder, and Gradescope's files into another; return their paths.

    Raises
    ------
    FileExistsError
        If one exists: none is overwritten.
    """
    weights = "\n".join(f"{name} = {value:g}" for name, value in WEIGHTS.items())
    course = _COURSE.format(language=lang, timeout=Course.timeout, memory=Course.memory, weights=weights)
    files = {folder / FILE: course}
    if gradescope is not None:
        files |= {
            gradescope / FILE: course, gradescope / "run_autograder": _RUN, gradescope / "setup.sh": _SETUP
        }  # fmt: skip
    for path in files:
        if path.exists():
            raise FileExistsError(f"diynn check --init: `{path}` is there already, and is left as it is")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
        if path.suffix != ".toml":
            path.chmod(0o755)
    return list(files)
