"""Puts the tables that the pages wrote into the gallery: ``python examples/gallery.py``."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def fill(text: str) -> str:
    """Return the text of the gallery with each table as its file has it."""

    def table(found: re.Match[str]) -> str:
        content = (HERE / found[1]).read_text(encoding="utf-8")
        return f"<!-- {found[1]} -->\n```text\n{content}```"

    return re.sub(r"<!-- (figures/\w+\.txt) -->(?:\n```text\n.*?```)?", table, text, flags=re.DOTALL)


if __name__ == "__main__":
    gallery = HERE / "README.md"
    gallery.write_text(fill(gallery.read_text(encoding="utf-8")), encoding="utf-8")
