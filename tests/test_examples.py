"""The pages run as scripts and as notebooks, write what the gallery shows, and are one in two languages."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PAGES = sorted(EXAMPLES.glob("[0-9][0-9]_*.py"))
GALLERY = EXAMPLES / "README.md"
FIGURES = EXAMPLES / "figures"
LIMIT = 60  # seconds a page may take in its quick form

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def environment(**more):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "MPLBACKEND": "agg"} | more


def promised(page):
    """Return the titles of the figures and tables that the text of a page names."""
    text = page.read_text(encoding="utf-8")
    prefix = page.name[:2]
    saved = re.findall(r'page\.save\((?:[^"]|"(?!\w+"\)\n))*"(\w+)"\)\n', text)
    tables = re.findall(r'page\.table\(\s*"(\w+)"', text)
    return {f"{prefix}_{title}.png" for title in saved} | {f"{prefix}_{title}.txt" for title in tables}


def test_the_pages_are_found():
    assert [page.name[:2] for page in PAGES] == sorted(["08", *(f"{number:02}" for number in range(1, 13))])


@each_page
def test_a_page_runs_as_a_script_and_writes_what_it_names(page, tmp_path):
    """Warnings are errors; from any folder, with nothing set up but the package."""
    for extra in needed(page):
        pytest.importorskip(extra, reason=f'the page needs {extra}: pip install -e ".[examples]"')
    command = [sys.executable, "-W", "error", str(page)]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, env=environment()
    )
    assert result.returncode == 0, result.stderr
    written = {path.name for path in (tmp_path / "results").iterdir()}
    assert promised(page)
    assert promised(page) <= written
    assert all(path.stat().st_size < 100_000 for path in (tmp_path / "results").iterdir())


@each_page
def test_a_page_runs_as_a_notebook_that_shows_its_figures(page, tmp_path):
    for extra in ("jupytext", "nbclient", "ipykernel", *needed(page)):
        pytest.importorskip(extra, reason=f'a notebook needs {extra}: pip install -e ".[examples]"')
    code = """
import sys, jupytext, nbformat, pathlib
from nbclient import NotebookClient
page, out = map(pathlib.Path, sys.argv[1:])
notebook = jupytext.read(page)
notebook.cells.insert(0, nbformat.v4.new_code_cell("import warnings; warnings.simplefilter('error')"))
where = {"metadata": {"path": page.parent}}
NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where).execute()
nbformat.write(notebook, out)
"""
    where = tmp_path / "page.ipynb"
    options = environment(PAGE_OPTIONS=f"--out '{tmp_path}'", MPLBACKEND="")
    del options["MPLBACKEND"]  # the kernel's own
    result = subprocess.run(
        [sys.executable, "-c", code, str(page), str(where)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=options,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert promised(page) <= {path.name for path in tmp_path.iterdir()}
    import nbformat

    cells = nbformat.read(where, as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    shown = sum("image/png" in output.get("data", {}) for output in outputs)
    figures = sum(name.endswith(".png") for name in promised(page))
    assert shown == figures
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize(
    ("library", "arguments"),
    [
        ("torch", ["01_linear_regression.py"]),
        ("torch", ["05_autoencoder.py", "tied"]),
        ("jax", ["08_your_own_layer.py"]),
    ],
    ids=["01-torch", "05-torch", "08-jax"],
)
def test_a_page_runs_on_another_library(library, arguments, tmp_path):
    pytest.importorskip(library)
    pytest.importorskip("sklearn")
    name, *studies = arguments
    command = [sys.executable, str(EXAMPLES / name), *studies, "--backend", library, "--out", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment())
    assert result.returncode == 0, result.stderr[-3000:]


def needed(page):
    """Return the optional libraries that a page imports."""
    imported = set()
    for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    return sorted({"matplotlib", "sklearn"} | imported & {"mnist1d", "optuna"})


def test_a_study_goes_on_where_it_was_stopped(tmp_path):
    pytest.importorskip("sklearn")
    command = [sys.executable, str(EXAMPLES / "05_autoencoder.py"), "study", "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT, env=environment())
    path = tmp_path / "05_study_quick.csv"
    table = (tmp_path / "05_study.txt").read_text(encoding="utf-8")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) == 1 + 2 * 1 * 2 * 1
    # One run is taken away, and another is given an error that no training has.
    kept = [*lines[:-2], re.sub(r"[\d.]+$", "77.0000", lines[-2].strip()) + "\n"]
    path.write_text("".join(kept), encoding="utf-8")
    subprocess.run(command, check=True, capture_output=True, timeout=LIMIT, env=environment())
    again = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert again == [*kept, lines[-1]]  # the one that was there is not trained again, the other as it was
    assert "77.00" in (tmp_path / "05_study.txt").read_text(encoding="utf-8")
    assert "77.00" not in table


def test_a_page_says_which_studies_there_are():
    command = [sys.executable, str(EXAMPLES / "05_autoencoder.py"), "dream"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert result.returncode == 2
    assert "no study dream; there are reconstruct, cluster" in result.stderr


# ------------------------------------------------------------------ the gallery


def test_every_picture_of_the_gallery_is_there_and_small():
    shown = re.findall(r"!\[[^\]]*\]\((figures/[^)]+)\)", GALLERY.read_text(encoding="utf-8"))
    assert shown
    for name in shown:
        assert 0 < (EXAMPLES / name).stat().st_size < 100_000, name
    kept = {f"figures/{path.name}" for path in FIGURES.iterdir() if path.suffix in (".png", ".gif")}
    assert kept == set(shown)


def test_every_section_of_the_gallery_has_the_command_that_makes_it():
    text = GALLERY.read_text(encoding="utf-8")
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        if "](figures/" not in section:
            continue
        commands = re.findall(r"^python (examples/\S+\.py)(.*) --full", section, re.MULTILINE)
        assert commands, section[:40]
        made = {name[8:10] for name in re.findall(r"\]\((figures/\S+)\)", section)}
        assert made == {name[9:11] for name, _ in commands}
        assert all((ROOT / name).exists() for name, _ in commands)


def test_the_numbers_of_the_gallery_are_those_that_were_written():
    """Each table follows the name of its file, and equals it."""
    text = GALLERY.read_text(encoding="utf-8")
    tables = re.findall(r"<!-- (figures/\w+\.txt) -->\n```text\n(.*?)```", text, re.DOTALL)
    assert {f"figures/{path.name}" for path in FIGURES.glob("*.txt")} == {name for name, _ in tables}
    for name, table in tables:
        assert (EXAMPLES / name).read_text(encoding="utf-8") == table, f"python examples/gallery.py: {name}"


def test_the_readme_links_the_gallery():
    assert "(examples/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


# ------------------------------------------------------------------ two languages


class _Wordless(ast.NodeTransformer):
    """Takes what is written for people out of a program."""

    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        return ast.Constant("")


def test_the_page_on_a_layer_of_your_own_is_one_program_in_two_languages():
    programs = []
    for name in ("08_your_own_layer.py", "08_votre_couche.py"):
        tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if not isinstance(node, ast.ImportFrom)]
        programs.append(ast.dump(_Wordless().visit(tree)))
    assert programs[0] == programs[1]


def commands(text):
    """Return the shell commands of a text, without remarks."""
    lines = re.findall(r"^(?:# )?((?:python|diynn|pip|mkdocs|jupytext) [^#\n]*)", text, re.MULTILINE)
    return [line.strip() for line in lines]


def test_both_languages_name_the_same_commands():
    english, french = (
        commands((EXAMPLES / name).read_text(encoding="utf-8"))
        for name in ("08_your_own_layer.py", "08_votre_couche.py")
    )
    assert english
    assert [line.replace("08_your_own_layer", "08_votre_couche") for line in english] == french
    top = GALLERY.read_text(encoding="utf-8").split("\n## 1")[0]
    english, french = (commands(part) for part in top.split("<!-- français -->"))
    assert english
    assert english == french


# ------------------------------------------------------------------ the site


def test_the_site_is_built_without_a_warning(tmp_path):
    for module in ("material", "mkdocstrings", "mkdocs_jupyter", "latex2mathml"):
        pytest.importorskip(module, reason=f'the site needs {module}: pip install -e ".[site]"')
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", "examples/mkdocs.yml"]
    result = subprocess.run(
        [*command, "-d", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(NO_MKDOCS_2_WARNING="1"),
    )
    assert result.returncode == 0, result.stderr[-3000:]
    reference = (tmp_path / "site" / "reference" / "index.html").read_text(encoding="utf-8")
    for name in ("Linear", "Transposed", "SGD", "trace", "learning_curve", "check"):
        assert re.search(rf'id="diynn\.[\w.]*{name}"', reference), name
    for page in PAGES:
        assert (tmp_path / "site" / page.stem / "index.html").exists()
    for page in (tmp_path / "site").rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        # Nothing is fetched from anybody else's server, and no formula is left as it was typed.
        fetched = r'<(?:script|img|iframe)[^>]*\ssrc="https?:|<link[^>]*\shref="https?:|from\s*"https?:'
        assert not re.search(fetched, text), page
        assert not re.search(r"<script[^>]*>[^<]*(?:MathJax|https?:)", text), page
        assert not re.search(
            r"\\(?:frac|varepsilon|nabla|text)\b", re.sub(r"<pre.*?</pre>", "", text, flags=re.S)
        ), page
