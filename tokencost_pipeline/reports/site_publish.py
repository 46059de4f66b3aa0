"""Puts a site in place so that every moment of it works: the old one, then the new one.

Files under `assets/` and `data/` are named by their content, alone or as a whole folder (`site_folders`): a new one is
in nobody's way and is written first.
Pages have stable names: they are written beside the site, one rename says that they are complete, and they are moved
into place after that, whatever links to a page after the page, `version.js` last. A process that dies before that
rename leaves the old site; one that dies later leaves work that `finish` ends. What no page names any more stays for
one generation, for those who have an old page open.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import orjson

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.reports.site_files import MANY, File, as_left, holds, make_durable, write_whole
from tokencost_pipeline.reports.site_folders import (
    TEMPORARY,
    Folder,
    NewFolder,
    files_in,
    is_whole,
    put_in_place,
    remove_whole,
)

CONTENT_NAMED = ("assets", "data")
VERSION = "version.js"
BESIDE = ".site"
BUILDING, READY, KNOWN, PLAN = "building", "ready", "files.json", "plan.json"


@dataclass(frozen=True)
class SiteReport:
    """What a publication did: files the site has and their bytes, files written and removed, bytes written."""

    files: int
    bytes: int
    written: int
    removed: int
    bytes_written: int


class SiteWriter:
    """One publication of the folder `site`. State lies in the folder `.site` beside it, never inside."""

    def __init__(self, site: Path) -> None:
        site.mkdir(parents=True, exist_ok=True)
        finish(site)
        self._site = site
        self._fresh: dict[Path, int] = {}
        self._written = 0
        self._bytes = 0

    def new_folder(self) -> NewFolder:
        """An empty folder to write files into, for `add_folder`."""
        return NewFolder(self._site)

    def add_folder(self, new: NewFolder, stem: str) -> Folder:
        """Put a new folder in its place, <stem>-<hash of its content>, unless the same is there. It is published by
        `publish` alone, which must be told of it; else the next publication removes it."""
        folder = new.named(stem)
        target = inside(self._site, folder.path)
        if not content_named(folder.path) or not is_whole(target.name):
            raise ValueError(f"{folder.path!r} is not below {' or '.join(CONTENT_NAMED)}")
        if put_in_place(new, target):
            self._wrote(target, folder.files, folder.bytes)
        return folder

    def add_file(self, path: str, content: bytes) -> File:
        """Write a file that is named by its content, unless the same is there. It is published by `publish` alone,
        which must be told of it; else the next publication removes it."""
        target = inside(self._site, path)
        if not content_named(path):
            raise ValueError(f"{path!r} is not below {' or '.join(CONTENT_NAMED)}")
        if not holds(target, content):
            write_whole(target, content)
            self._wrote(target, 1, len(content))
        return as_left(target, path)

    def has(self, kept: Folder | File) -> bool:
        """Is it there: a folder with as many files as it should have, a file as it was left?"""
        target = self._site / kept.path
        try:
            if isinstance(kept, File):
                return as_left(target, kept.path) == kept
            return files_in(target) == kept.files
        except OSError:
            return False

    def make_durable(self) -> None:
        """Flush what was added so far to the disk."""
        files = sum(self._fresh.values())
        if files > MANY:
            os.sync()
        else:
            make_durable(
                file for path in self._fresh for file in (path.iterdir() if path.is_dir() else [path])
            )
            for folder in {path.parent for path in self._fresh if path.is_dir()}:
                sync_directory(folder)
        self._fresh.clear()

    def publish(self, files: Mapping[str, bytes], kept: Collection[Folder | File] = ()) -> SiteReport:
        """Make the site consist of `files` (path below the site -> content) and of `kept`, what was added or is there
        from before. What is there already is not written again.

        Raises FileNotFoundError when one of `kept` is not there, and leaves the old site.
        """
        for path in files:
            inside(self._site, path)
        if gone := sorted(it.path for it in kept if not (self._site / it.path).exists()):
            raise FileNotFoundError(f"{gone[0]} and {len(gone) - 1} more parts of the site are not there")
        pages = {path: content for path, content in files.items() if not content_named(path)}
        for path in files.keys() - pages.keys():
            self.add_file(path, files[path])
        self.make_durable()
        changed = {path: text for path, text in pages.items() if not holds(inside(self._site, path), text)}
        order = in_order(self._site, changed)
        known, names = read_known(self._site), sorted({*files, *map(listed, kept)})
        if changed or self._written or known["now"] != names:
            known = {"now": names, "before": known["now"]}
        stage(self._site, {path: changed[path] for path in order}, known)
        removed = finish(self._site)
        return SiteReport(
            files=len(files) + sum(it.files if isinstance(it, Folder) else 1 for it in kept),
            bytes=sum(map(len, files.values())) + sum(it.bytes for it in kept),
            written=self._written + len(changed),
            removed=removed,
            bytes_written=self._bytes + sum(map(len, changed.values())),
        )

    def _wrote(self, path: Path, files: int, size: int) -> None:
        self._fresh[path] = files
        self._written += files
        self._bytes += size


def finish(site: Path) -> int:
    """Move pages that are complete into place and sweep; does nothing else. Returns the number of removed files."""
    beside = site.parent / BESIDE
    shutil.rmtree(beside / BUILDING, ignore_errors=True)
    for torn in beside.glob(f"{TEMPORARY}-*"):
        torn.unlink()
    ready = beside / READY
    if not ready.is_dir():
        return 0
    plan = orjson.loads((ready / PLAN).read_bytes())
    for number, path in enumerate(plan["pages"]):
        staged = ready / str(number)
        if staged.exists():  # else it was moved before the process died
            target = inside(site, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(target)
    for folder in {inside(site, path).parent for path in plan["pages"]}:
        sync_directory(folder)
    removed = sweep(site, plan["known"], read_known(site))
    write_whole(beside / KNOWN, orjson.dumps(plan["known"]))
    ready.rename(beside / BUILDING)  # half removed it would look like work that is left
    shutil.rmtree(beside / BUILDING)
    return removed


def stage(site: Path, pages: Mapping[str, bytes], known: Mapping[str, list[str]]) -> None:
    """Write pages and plan beside the site; the rename at the end makes them valid."""
    beside = site.parent / BESIDE
    building = beside / BUILDING
    building.mkdir(parents=True)
    for number, content in enumerate(pages.values()):
        (building / str(number)).write_bytes(content)
    (building / PLAN).write_bytes(orjson.dumps({"pages": list(pages), "known": known}))
    make_durable(building.iterdir())
    building.rename(beside / READY)
    sync_directory(beside)


def sweep(site: Path, known: Mapping[str, list[str]], earlier: Mapping[str, list[str]]) -> int:
    """Remove what neither this generation nor the one before names: content-named files and folders, pages that we
    published once, and what killed runs left. Files that somebody else put beside the pages stay."""
    named = {*known["now"], *known["before"]}
    removed = 0
    folders: set[Path] = set()
    for path in sorted({*content_entries(site), *earlier["now"], *earlier["before"]} - named):
        target = site / path
        if path.endswith("/") and target.is_dir():
            removed += remove_whole(target)
        elif target.is_file():
            target.unlink()
            removed += 1
        folders.add(target.parent)
    for folder in folders:
        remove_empty(folder, site)
    return removed


def content_entries(site: Path) -> Iterator[str]:
    """Paths below the site of the content-named files that are there, and of the folders that are named as a whole,
    with a slash behind: nobody looks into those."""
    waiting = list(CONTENT_NAMED)
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(site / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}"
                    if not entry.is_dir(follow_symlinks=False):
                        yield path
                    elif is_whole(entry.name):
                        yield f"{path}/"
                    else:
                        waiting.append(path)
        except FileNotFoundError:
            continue  # before the first publication


def remove_empty(folder: Path, site: Path) -> None:
    while folder != site and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def in_order(site: Path, pages: Iterable[str]) -> list[str]:
    """Pages that are new before those that may link to them, deep before shallow, the entrance and then
    `version.js` last."""

    def rank(path: str) -> tuple[bool, bool, bool, int, str]:
        depth = path.count("/")
        return path == VERSION, path == "index.html", inside(site, path).exists(), -depth, path

    return sorted(pages, key=rank)


def read_known(site: Path) -> dict[str, list[str]]:
    """The files of this generation and of the one before; none where that is not known."""
    try:
        known = orjson.loads((site.parent / BESIDE / KNOWN).read_bytes())
        return {"now": list(known["now"]), "before": list(known["before"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"now": [], "before": []}


def listed(kept: Folder | File) -> str:
    """How it stands in the list of what the site has: a folder with a slash behind."""
    return f"{kept.path}/" if isinstance(kept, Folder) else kept.path


def content_named(path: str) -> bool:
    return path.split("/")[0] in CONTENT_NAMED


def inside(site: Path, path: str) -> Path:
    """The file `path` below `site`. Raises ValueError when it lies elsewhere."""
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or not pure.parts
        or any(part.startswith(".") for part in pure.parts)
        or "\0" in path
    ):
        raise ValueError(f"{path!r} lies outside the site")
    return site / pure
