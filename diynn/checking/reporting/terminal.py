"""Printing to terminals whose encoding lacks some signs."""

from __future__ import annotations

import unicodedata
from typing import TextIO

from diynn.checking.reporting.messages import text

_WORDS = {"✓": "word.ok", "✗": "word.no"}
_SIGNS = {
    "·": "-", "→": "->", "…": "...", "─": "-", "≤": "<=", "≥": ">=", "«": '"', "»": '"', "’": "'", "–": "-",
    "—": "-", "²": "^2", "³": "^3", "×": "x", "−": "-", "∂": "d", "δ": "delta", "ε": "epsilon", "Σ": "sum",
    "⟨": "<", "⟩": ">", "√": "sqrt", "σ": "sigma", "œ": "oe", "Œ": "OE",
}  # fmt: skip


def say(line: str, stream: TextIO, lang: str) -> None:
    """Print a text; signs that the stream cannot encode are replaced."""
    print(fitted(line, getattr(stream, "encoding", None), lang), file=stream, flush=True)


def fitted(line: str, encoding: str | None, lang: str) -> str:
    """Return a text with the signs replaced that an encoding lacks."""
    encoding = encoding or "utf-8"
    if _takes(line, encoding):
        return line
    return "".join(sign if _takes(sign, encoding) else _plain(sign, encoding, lang) for sign in line)


def _takes(line: str, encoding: str) -> bool:
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _plain(sign: str, encoding: str, lang: str) -> str:
    if sign in _WORDS:
        return text(_WORDS[sign], lang)
    if sign in _SIGNS:
        return _SIGNS[sign]
    bare = unicodedata.normalize("NFKD", sign).encode(encoding, "ignore").decode(encoding)
    return bare or "?"
