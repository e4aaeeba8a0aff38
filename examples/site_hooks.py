"""What the site needs beside mkdocs' plugins: formulas without a script, and docstrings as Markdown."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import griffe
from latex2mathml.converter import convert

# Not in programs and drawings; a dollar there is a dollar.
_LITERAL = re.compile(r"(<(pre|code|script|style|svg)\b.*?</\2>)", re.DOTALL | re.IGNORECASE)
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n<]+?)\$(?!\d)", re.DOTALL)
# nbconvert's page loads two libraries from other people's servers.
_FOREIGN = re.compile(
    r"<script\b[^>]*>(?:(?!</script>).)*(?:MathJax|mermaid)(?:(?!</script>).)*</script>",
    re.DOTALL | re.IGNORECASE,
)


def on_startup(**_: Any) -> None:
    """Let the kernels that execute the pages, if any do, find what the pages share."""
    here = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])


def on_post_page(output: str, **_: Any) -> str:
    """Write formulas as MathML, which a browser draws by itself, and leave out foreign scripts."""
    output = re.sub(r'href="(\d\d_\w+)\.py"', r'href="../\1/"', _FOREIGN.sub("", output))
    parts = _LITERAL.split(output)
    # The pattern has two groups: text, literal, its tag, text, ...
    return "".join(
        _FORMULA.sub(_mathml, part) if place % 3 == 0 else part
        for place, part in enumerate(parts)
        if place % 3 != 2
    )


def _mathml(found: re.Match[str]) -> str:
    display, inline = found.groups()
    if display is not None:
        return convert(unescape(display).strip(), display="block")
    return convert(unescape(inline))


class Docstrings(griffe.Extension):
    """Reads the docstrings of the package, which follow numpydoc, as the Markdown of the site."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite what the two do not share."""
        if obj.docstring is None:
            return
        text = re.sub(r":(?:class|func|meth|mod|data):`~?([^`]+)`", r"`\1`", obj.docstring.value)
        text = re.sub(r"^( *)::\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
        obj.docstring.value = re.sub(r"^Source: ", "References\n----------\n", text, flags=re.MULTILINE)
