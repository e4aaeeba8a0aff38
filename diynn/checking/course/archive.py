"""Zip files of a learning platform or of students."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from diynn.checking.course.students import OTHER_ARCHIVES, SUFFIXES

#: Limits against zip bombs, far above any course.
MOST_FILES, MOST_BYTES, LARGEST = 50_000, 2 << 30, 64 << 20


class ArchiveError(ValueError):
    """A zip file that cannot be unpacked."""


def unpack(path: Path, folder: Path, *, depth: int = 2) -> None:
    """Unpack the code in a zip file, and in the zip files in it.

    Only code and zip files are written, all below ``folder``: absolute paths and ``..`` are cut, and links
    are not made.

    Parameters
    ----------
    path, folder : Path
    depth : int
        Levels of nested zip files to unpack.

    Raises
    ------
    ArchiveError
        If it is not a zip file, damaged, encrypted or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > MOST_FILES or size > MOST_BYTES:
                raise ArchiveError(f"{path.name}: {len(members)} files, {size >> 20} MB")
            for member in members:
                _unpack_member(archive, member, folder)
    except ArchiveError:
        raise
    except Exception as error:  # each compression method has its own exceptions for damage
        raise ArchiveError(f"{path.name}: {error}") from error
    if depth > 1:
        for inner in sorted(folder.rglob("*.zip")):
            try:
                unpack(inner, inner.with_suffix(""), depth=depth - 1)
            except ArchiveError:
                continue  # it is left, and reported as an archive that cannot be read
            inner.unlink(missing_ok=True)


def gather(source: Path, folder: Path) -> None:
    """Copy the code of a folder that contains zip files, and unpack these in the copy."""
    for each in sorted(source.rglob("*")):
        place = each.relative_to(source)
        if each.is_file() and not each.is_symlink() and not any(part.startswith(".") for part in place.parts):
            copy = folder / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            if each.suffix.lower() == ".zip":
                try:
                    unpack(each, copy.with_suffix(""))
                except ArchiveError:
                    copy.touch()  # reported as an archive that cannot be read
            elif each.suffix in SUFFIXES and each.stat().st_size <= LARGEST:
                shutil.copyfile(each, copy)


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    parts = [
        part for part in PurePosixPath(member.filename.replace("\\", "/")).parts if part not in ("/", "..")
    ]
    parts = [part.rstrip(" .").replace(":", "_").replace("\0", "_") or "_" for part in parts]
    if not parts or "__MACOSX" in parts:
        return
    target = folder.joinpath(*parts)
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = target.suffix.lower()
    if suffix in (*SUFFIXES, ".zip") and member.file_size <= LARGEST:
        with archive.open(member) as source, target.open("xb") as sink:
            while block := source.read(1 << 20):
                sink.write(block)
    elif suffix in OTHER_ARCHIVES:
        target.touch()  # reported as an archive that cannot be read
