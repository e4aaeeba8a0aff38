"""Finds the files of modules that a student's file imports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diynn.checking.files.reading import decode


@dataclass(frozen=True)
class ImportedFile:
    """A module that a file imports: another file, or a folder."""

    key: str
    text: str
    find: Find


#: Takes a module's dotted name and the number of leading dots; returns its file.
Find = Callable[[str, int], ImportedFile | None]


def finder(path: Path, top: Path) -> Find:
    """Return a finder of modules in a file's folder and those above it, up to ``top``."""
    above = [path.parent, *(each for each in path.parent.parents if each == top or top in each.parents)]

    def find(name: str, level: int) -> ImportedFile | None:
        parts = [part for part in name.split(".") if part]
        for folder in above[level - 1 : level] if level else above:
            place = folder.joinpath(*parts)
            for file in (
                (place.with_suffix(".py"), place / "__init__.py") if parts else (place / "__init__.py",)
            ):
                if file.is_file() and file != path and file.stat().st_size < 1_000_000:
                    return ImportedFile(str(file), decode(file.read_bytes())[0], finder(file, top))
            if parts and place.is_dir():
                return ImportedFile(str(place), "", finder(place / "__init__.py", top))
        return None

    return find
