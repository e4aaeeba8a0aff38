"""The message catalogue: complete in both languages, and the right lines."""

import re
from pathlib import Path

import pytest

import diynn
import diynn.checking
from diynn.checking.contract.kinds import KINDS
from diynn.checking.contract.properties import load as load_properties
from diynn.checking.diagnosis.formulas import formulas, right_line
from diynn.checking.diagnosis.mistakes import load as load_mistakes
from diynn.checking.reporting.messages import CATALOGUE, language, text

SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in Path(diynn.checking.__file__).parent.rglob("*.py")
    if path.parent.name != "messages"
)


def test_every_mistake_is_explained_and_every_property_has_its_words():
    names = {f"mistake.{known.name}" for known in load_mistakes()}
    for properties in load_properties():
        names |= {f"{what}.{each.name}" for each in properties for what in ("property", "fails")}
    assert names <= set(CATALOGUE)


def test_every_explanation_is_used():
    for key in CATALOGUE:
        name = key.removeprefix("mistake.").removeprefix("property.").removeprefix("fails.")
        assert f'"{name}"' in SOURCES or f'"{key}"' in SOURCES or key.startswith("word."), key


@pytest.mark.parametrize("key", CATALOGUE)
def test_both_languages_have_the_same_braces(key):
    english, french = CATALOGUE[key]
    assert set(re.findall(r"{(\w+)", english)) == set(re.findall(r"{(\w+)", french))
    assert english
    assert french


def test_the_right_lines_of_a_kind_are_the_formulas_that_its_class_shows():
    quoted = 0
    for kind in KINDS.values():
        cls = getattr(diynn, kind.name, None)
        if cls is None or kind.name == "Optim":
            continue
        backward = "backward" if kind.loss else "net_gradient" if kind.family == "container" else "delta"
        for name in ("forward", backward, *(["gradient"] if kind.parameters else [])):
            shown = formulas(kind.name)[name]
            assert f"        {shown}" in cls.__doc__
            assert shown in right_line(kind.name, name)
            quoted += 1
    assert quoted == 2 * 15 + 2


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("CrossEntropyLoss", "backward", "∂C/∂ŷ = -y   |   ∂C/∂ŷ = softmax(ŷ) - y"),
        ("CrossEntropyLoss.log", "backward", "∂C/∂ŷ = -y / ŷ"),
        ("BCELoss.mean", "backward", "∂C/∂ŷ = (1 - y)/(1 - ŷ) - y/ŷ"),
        ("MSELoss", "shapes", "C_n = Σ_j (ŷ_nj - y_nj)²,   (batch,)"),
        ("Softmax", "finite", "s_i = e^(x_i - max x) / Σ_k e^(x_k - max x)"),
        ("Flatten2D", "delta", "∂L/∂x = δ.reshape(x.shape)"),
        ("", "delta", "∂L/∂x_i = Σ_k δ_k ∂z_k/∂x_i"),
        ("Tanh", "strided", ""),
    ],
)
def test_a_right_line_is_that_of_the_reading_of_the_kind_or_of_any_module(kind, name, line):
    assert right_line(kind, name) == line


def test_every_mistake_has_a_line_that_should_stand_there():
    for known in load_mistakes():
        assert known.should or known.property in ("finite", "forward") or not known.kinds, known.name


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "en_GB"}, "en"),
        ({"LC_ALL": "C.UTF-8", "LANG": "fr_FR"}, "en"),
    ],
)
def test_the_locale_says_which_language(monkeypatch, environment, expected):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == expected


def test_another_language_is_refused():
    with pytest.raises(ValueError, match="`lang` must be one of en, fr, got 'de'"):
        language("de")


def test_words_that_are_missing_do_not_raise():
    assert "…" in text("raises", "en", method="forward")
