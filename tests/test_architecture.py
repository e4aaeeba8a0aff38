"""Which file may import what, what ``import diynn`` costs, and that everything public says what it is."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import diynn

PACKAGE = Path(diynn.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# A file imports from the lines above its own, or from within its own folder; a new one gets a place here.
LEVELS = [
    {"bounded", "wording", "version", "sheet"},
    {"arguments", "calls"},
    {"arrays"},
    {"shapes", "sharing", "rendering", "transfer"},
    {"composition", "ops", "parameter", "schedules", "initializers", "files"},
    {"module", "rules", "data", "generators"},
    {"hosted"},
    {"layers", "losses", "dataset", "wrappers"},
    {"execution", "advice", "assembly", "description", "loaders", "torch_layout"},
    {"checkpoints", "ranks"},
    {"states"},
    {"metrics", "stateless", "checking", "tracing"},
    {"plots", "export", "functional"},
    {"history"},
    {"sweep"},
    {"callbacks", "resume"},
    {"stopping", "logs"},
    {"epochs"},
    {"training"},
    {"optim"},
    {"demo", "sklearn"},
    {"cli"},
    {"__main__"},
]
# The same within a folder that has rooms of its own.
ROOMS = {
    "checking": [
        {"reporting", "sandbox"}, {"diagnosis"}, {"contract"}, {"files"}, {"course"}, {"local"}, {"__init__"},
    ]
}  # fmt: skip
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}
CORE = {"numpy", "array_api_compat", "array_api_extra", "threadpoolctl", "tqdm"}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))


def imports(nodes):
    """Return the names of the modules that statements import, and from ``diynn`` itself what they take."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in whole if is_module(name)]
            if node.module == "diynn":
                yield from whole
            else:
                yield from modules
                if len(modules) < len(whole):
                    yield node.module


def is_module(name):
    """Say whether a dotted name is a file or folder of the package: what is imported from a folder may be."""
    place = PACKAGE.parent.joinpath(*name.split("."))
    return name.startswith("diynn.") and (place.with_suffix(".py").exists() or place.is_dir())


def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"))


@each_file
def test_imports_point_one_way(file):
    own = file.relative_to(PACKAGE).with_suffix("").parts[0]
    if own == "__init__":  # the public names
        return
    assert own in LEVEL, f"{own} has no place in LEVELS"
    assert "diynn" not in imports(ast.walk(tree(file)))  # all of it: that is the top, above every file
    for name in imports(ast.walk(tree(file))):
        library, part, *_ = *name.split("."), own
        if library == "diynn" and part != own:
            assert LEVEL[part] < LEVEL[own], f"{own} imports {part}"


@pytest.mark.parametrize("folder", ROOMS)
def test_imports_between_rooms_point_one_way(folder):
    level = {room: number for number, rooms in enumerate(ROOMS[folder]) for room in rooms}
    for file in sorted((PACKAGE / folder).rglob("*.py")):
        own = file.relative_to(PACKAGE / folder).with_suffix("").parts[0]
        assert own in level, f"{folder}/{own} has no place in ROOMS"
        for name in imports(ast.walk(tree(file))):
            parts = name.split(".")
            if parts[:2] == ["diynn", folder] and len(parts) > 2 and parts[2] != own:
                assert level[parts[2]] < level[own], f"{folder}/{own} imports {parts[2]}"


def modules():
    """Return every module of the package by its dotted name."""
    found = {}
    for file in FILES:
        parts = ["diynn", *file.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@pytest.mark.parametrize("folder", ROOMS)
def test_no_two_files_import_one_another(folder):
    """Not in a circle either, at the top or in a function; a package may hand on what its files register."""
    names = {name: file for name, file in modules().items() if name.startswith(f"diynn.{folder}.")}
    wanted = {
        name: {
            each
            for each in imports(ast.walk(tree(file)))
            if each in names and each != name and not each.startswith(f"{name}.")
        }
        for name, file in names.items()
    }
    while wanted:
        free = [name for name in wanted if not wanted[name] & set(wanted)]
        assert free, f"these import one another: {sorted(wanted)}"
        for name in free:
            del wanted[name]


@each_file
def test_only_core_dependencies_are_imported_at_once(file):
    wanted = {name.partition(".")[0] for name in imports(tree(file).body)}
    own = {  # imported where these are there already
        "on_cupy.py": {"cupy"},
        "machine_code.py": {"llvmlite"},
        "instructions.py": {"llvmlite"},
    }.get(file.name, set())
    if "sklearn" in file.relative_to(PACKAGE).parts:
        own = {"sklearn", "joblib"}
    assert wanted - set(sys.stdlib_module_names) <= CORE | {"diynn"} | own


def test_one_file_knows_array_libraries():
    knowing = [
        file.name
        for file in FILES
        if any(name.startswith("array_api_compat") for name in imports(ast.walk(tree(file))))
    ]
    assert knowing == ["arrays.py"]


def run(code, **environment):
    command = [sys.executable, "-c", code]
    environment = {**os.environ, **environment}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_the_import_loads_no_other_library():
    heavy = [
        "matplotlib",
        "sklearn",
        "scipy",
        "torch",
        "jax",
        "cupy",
        "array_api_strict",
        "llvmlite",
        "pytest",
    ]
    assert run(f"import diynn, sys; print([name for name in {heavy} if name in sys.modules])") == "[]\n"


def test_the_import_costs_little(tmp_path):
    """At most 50 ms beyond NumPy, or half of what NumPy itself takes on a machine that is slow or busy."""
    code = """
import threading
from time import thread_time  # not that of the process: a thread of NumPy's BLAS spins for a while
start = thread_time()
import numpy
middle = thread_time()
import diynn
assert threading.active_count() == 1
print(middle - start, thread_time() - middle)
"""
    # Compiled once and kept, as it is for users, also where the tests are told to leave no bytecode behind.
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    runs = [list(map(float, run(code, **kept).split())) for _ in range(7)]
    numpy, ours = map(min, zip(*runs, strict=True))
    assert ours < max(0.050, numpy / 2)


def test_public_names_exist_and_say_what_they_are():
    assert diynn.__all__ == list(dict.fromkeys(diynn.__all__))
    for name in diynn.__all__:
        assert getattr(diynn, name).__doc__, name
    names = {}
    exec("from diynn import *", names)
    assert set(diynn.__all__) <= set(names)


@each_file
def test_everything_public_has_a_docstring(file):
    def walk(node, name):
        if not ast.get_docstring(node):
            yield name
        for child in ast.iter_child_nodes(node):
            public = isinstance(child, DEFINITIONS) and not child.name.startswith("_")
            if public and not isinstance(node, FUNCTIONS) and not decorations(child) & {"overload", "setter"}:
                yield from walk(child, f"{name}.{child.name}")

    assert list(walk(tree(file), file.stem)) == []


FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
DEFINITIONS = *FUNCTIONS, ast.ClassDef


def decorations(node):
    return {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
