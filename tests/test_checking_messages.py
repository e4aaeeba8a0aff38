"""One catalogue in two languages: nothing is missing, nothing is left over."""

import re
from pathlib import Path

import pytest

import diynn.checking
from diynn.checking.contract.properties import load as load_properties
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
