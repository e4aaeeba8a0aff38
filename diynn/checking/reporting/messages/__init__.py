"""The message catalogue: every sentence of the checker, in English and French."""

from __future__ import annotations

import locale
import os
from typing import Any

from diynn.checking.reporting.messages import (
    activation_mistakes,
    general_mistakes,
    interface,
    layer_mistakes,
    loss_mistakes,
    properties,
)

_MISTAKES = (activation_mistakes, layer_mistakes, loss_mistakes, general_mistakes)

#: Key → the sentence in English, in French.
CATALOGUE: dict[str, tuple[str, str]] = {
    **interface.TEXTS,
    **{f"mistake.{key}": value for module in _MISTAKES for key, value in module.TEXTS.items()},
    **properties.TEXTS,
}

LANGUAGES = ("en", "fr")


class _Count(int):
    """A number with singular and plural: ``{n:file|files}`` gives ``1 file``, and ``{n:=is|are}`` ``is``."""

    french = False

    def __format__(self, words: str) -> str:
        one, bar, many = words.partition("|")
        if not bar:
            return super().__format__(words)
        singular = self < 2 if self.french else self == 1
        word = one.removeprefix("=") if singular else many
        return word if one.startswith("=") else f"{int(self)} {word}"


class _FrenchCount(_Count):
    french = True


class _Words(dict[str, Any]):
    """A missing word is shown as ``…``, rather than raising."""

    def __missing__(self, key: str) -> str:
        return "…"


def text(key: str, lang: str | None = None, **words: Any) -> str:
    """Return a sentence of the catalogue.

    Parameters
    ----------
    key : str
    lang : str, optional
        ``"en"`` or ``"fr"``; None for the language of the locale.
    **words
        The values for its braces.
    """
    if key not in CATALOGUE:
        return key
    lang = language(lang)
    count = _FrenchCount if lang == "fr" else _Count
    given = {
        name: count(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in words.items()
    }
    return CATALOGUE[key][LANGUAGES.index(lang)].format_map(_Words(given))


def language(lang: str | None = None) -> str:
    """Return ``"en"`` or ``"fr"``: as given, or by the locale.

    Raises
    ------
    ValueError
        If another language is given.
    """
    if lang is None:
        named = next(
            (os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)),
            locale.getlocale()[0] or "",
        )
        return "fr" if named.lower().startswith("fr") else "en"
    if lang not in LANGUAGES:
        raise ValueError(f"check: `lang` must be one of {', '.join(LANGUAGES)}, got {lang!r}")
    return lang
