"""The work of sixty students as Moodle hands it out, made up: ``python -m tests.sixty_students FOLDER``.

It writes ``course.zip`` and ``diynn.toml``. Most of the classes are right, some have a known mistake, some
are missing; there are notebooks, helper files, two endless loops, a hostile file, one in Latin-1, one in
Python 2, a zip file within, our own work under another name, and somebody who handed in a picture.
"""

import ast
import io
import json
import sys
import zipfile
from pathlib import Path

SOLUTION = (Path(__file__).parent / "zoo" / "files" / "solution.py").read_text(encoding="utf-8")
FIRST = [
    "Anne",
    "Bachir",
    "Chloé",
    "Dinh",
    "Élise",
    "Fatou",
    "Guo",
    "Hélène",
    "Ilyès",
    "Jeanne",
    "Kofi",
    "Léa",
]
LAST = ["Durand", "Nguyễn", "Müller", "O'Brien", "Ndiaye"]
COURSE = """\
language = "fr"
timeout = 3
students = "folders"
remarks = ["broadcasting"]

[classes]
Linear = 3
Tanh = 1
Sigmoid = 1
Softmax = 2
MSELoss = 2
CrossEntropyLoss = { points = 2, names = ["MonCout"] }
Sequential = 2
Optim = 1
Flatten = 1
"""
ASKED = ["Linear", "TanH", "Sigmoide", "Softmax", "MSELoss", "CELogSoftmax", "Sequentiel", "Optim", "Flatten"]
#: What some students got wrong: what stands in the solution, and what stands there in its place.
MISTAKES = [
    ("TanH", "** 2", ""), ("MSELoss", "-2 *", "-1 *"), ("Sigmoide", "(1 - s)", "(2 - s)"),
    ("Softmax", "axis=1", "axis=0"), ("Linear", "._parameters.T", "._parameters"),
]  # fmt: skip
HOSTILE = """
import ctypes, os
class ReLU(Module):
    def forward(self, X):
        for number in (os.getppid(), -1):
            ctypes.pythonapi.syscall(ctypes.c_long(62), ctypes.c_long(number), ctypes.c_long(9))
        ctypes.pythonapi.system(b"echo x > /tmp/diynn-sixty-escaped")
        for folder, _, files in os.walk(".."):
            raise ValueError(str(files) + open(os.path.join(folder, files[0])).read())
        return np.maximum(X, 0)
    def backward_delta(self, input, delta):
        return delta * (input > 0)
"""


def blocks():
    """Return the head of the solution and its classes, each as text."""
    tree = ast.parse(SOLUTION)
    lines = SOLUTION.splitlines()
    found = {node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in tree.body
             if isinstance(node, ast.ClassDef)}  # fmt: skip
    first = min(node.lineno for node in tree.body if isinstance(node, ast.ClassDef))
    return "\n".join(lines[: first - 1]), found


def students(numbers=range(60)):
    """Return for each student the name of the folder, and the files in it."""
    head, classes = blocks()
    found = {}
    for number in numbers:
        name = f"{LAST[number // 12]} {FIRST[number % 12]}"
        own = {each: classes[each] for each in ASKED}
        if number % 5 == 1:
            wrong, old, new = MISTAKES[number // 5 % len(MISTAKES)]
            own[wrong] = own[wrong].replace(old, new)
        if number % 7 == 3 and number != 17:
            del own[ASKED[number % len(ASKED)]]
        found[f"{name}_{1000 + number}_assignsubmission_file_"] = _files(number, head, own)
    return found


def _files(number, head, own):
    text = head + "\n\n\n" + "\n\n\n".join(own.values()) + "\n"
    if number == 4:
        return {"projet.py": (f"# -*- coding: latin-1 -*-\n# réseau\n{text}").encode("latin-1", "replace")}
    if number == 11:
        return {"projet.py": text.encode() + b"\nprint 'fini'\n"}
    if number in (17, 41):
        loop = own["Flatten"].replace("return", "while True: pass\n        return", 1)
        return {"projet.py": text.replace(own["Flatten"], loop).encode()}
    if number == 23:
        return {"projet.py": (text + HOSTILE).encode()}
    if number == 29:
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w") as archive:
            archive.writestr("../../src/projet.py", text)
        return {"rendu.zip": inner.getvalue()}
    if number == 35:
        ours = "from diynn import Tanh\nclass TanH(Tanh): pass\n"
        return {"projet.py": text.replace(own.get("TanH", ""), ours).encode()}
    if number == 47:
        return {"photo.jpg": b"\xff\xd8\xff\xe0"}
    if number % 3 == 2:
        cells = ["%matplotlib inline\n" + head, *own.values(), "!pip install numpy"]
        cells = [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]
        return {"projet.ipynb": json.dumps({"cells": cells, "nbformat": 4}).encode()}
    helpers = {"outils.py": b"def lire(chemin):\n    return open(chemin).read()\n"} if number % 4 == 0 else {}
    return {"projet.py": text.encode(), **helpers}


def write(folder, numbers=range(60)):
    """Write ``course.zip`` and ``diynn.toml``; return the path of the zip file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "diynn.toml").write_text(COURSE, encoding="utf-8")
    path = folder / "course.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, files in students(numbers).items():
            for name, content in files.items():
                archive.writestr(f"{student}/{name}", content)
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
