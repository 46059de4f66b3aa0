"""Folders of the site that are named by the content of all their files. One appears whole, never changes, and goes
whole: whoever looks need not look at each of its files, of which a site of a year has tens of thousands."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tokencost_pipeline.reports.data_scripts import HASH_LENGTH

FOLDER = "data/r"
"""Where they lie, below the site."""
TEMPORARY = ".new"
_WHOLE = re.compile(rf".+-[0-9a-f]{{{HASH_LENGTH}}}")


@dataclass(frozen=True)
class Folder:
    """A folder below the site, the number of its files and their bytes."""

    path: str
    files: int
    bytes: int


class NewFolder:
    """A folder in the making, in a place that nobody links to. `close` removes what was not moved away."""

    def __init__(self, site: Path) -> None:
        self.place = site / FOLDER / f"{TEMPORARY}-{secrets.token_hex(8)}"
        self.place.mkdir(parents=True)
        self.files = 0
        self.bytes = 0
        self._digest = sha256()

    def add(self, name: str, content: bytes) -> None:
        """Write one more file. The same files give the same name where they come in the same order."""
        (self.place / name).write_bytes(content)
        self.files += 1
        self.bytes += len(content)
        self._digest.update(f"{name}\0{len(content)}\0".encode())
        self._digest.update(content)

    def named(self, stem: str) -> Folder:
        """What it is to be called: <stem>-<10 hex digits>."""
        return Folder(f"{stem}-{self._digest.hexdigest()[:HASH_LENGTH]}", self.files, self.bytes)

    def close(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)


def is_whole(name: str) -> bool:
    """Is a folder of that name one of these, or one in the making?"""
    return name.startswith(TEMPORARY) or _WHOLE.fullmatch(name) is not None


def put_in_place(new: NewFolder, target: Path) -> bool:
    """Move a new folder to its name; False when the very same is there already. One that is not what its name says is
    put aside first."""
    if target.exists():
        if same(new.place, target):
            return False
        remove_whole(target)
    new.place.rename(target)
    return True


def same(one: Path, other: Path) -> bool:
    """Do both have the same files?"""
    try:
        return files_in(one) == files_in(other) and all(
            file.read_bytes() == (other / file.name).read_bytes() for file in one.iterdir()
        )
    except OSError:
        return False


def files_in(folder: Path) -> int:
    """How many files it has. Raises OSError where it is not there."""
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)


def remove_whole(folder: Path) -> int:
    """Remove a folder; returns the number of its files. Its name goes first: half a folder must not have it."""
    aside = folder.parent / f"{TEMPORARY}-{secrets.token_hex(8)}"
    files = files_in(folder)
    folder.rename(aside)
    shutil.rmtree(aside)
    return files
