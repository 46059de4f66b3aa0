"""Publishing a site: whatever kills it, whoever looks finds a site that works."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tokencost_pipeline.reports.site_folders import Folder, NewFolder
from tokencost_pipeline.reports.site_publish import SiteReport, SiteWriter, finish

KILLED = 9
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}

Generation = tuple[dict[str, bytes], dict[str, bytes]]


def hashed(name: str, content: bytes) -> str:
    return f"{name}-{sha256(content).hexdigest()[:10]}.js"


def hashed_folder(stem: str, shards: list[bytes]) -> dict[str, bytes]:
    """Path -> content of a folder's files."""
    whole = sha256()
    for number, content in enumerate(shards):
        whole.update(f"{number}.js\0{len(content)}\0".encode() + content)
    return {f"{stem}-{whole.hexdigest()[:10]}/{number}.js": content for number, content in enumerate(shards)}


def site_of(generation: int, features: list[str]) -> Generation:
    """(shards, files): pages that load what is named by its content and link to each other."""
    shards = {
        **hashed_folder("data/r/day", [b"the same in every generation"]),
        **hashed_folder("data/r/hour", [f"shard {number} of {generation}".encode() for number in (0, 1)]),
    }
    data = f"data of {generation}".encode() * 50
    style = b"the same in every generation"
    files = {hashed("data/days", data): data, hashed("assets/style", style): style}
    loads = " ".join([*files, *shards])
    for feature in features:
        files[f"features/{feature}.html"] = (
            f"generation {generation} loads {loads} opens index.html.".encode()
        )
    opened = " ".join(f"features/{feature}.html" for feature in features)
    files["index.html"] = f"generation {generation} loads {loads} opens {opened}.".encode()
    files["version.js"] = f"generation {generation} loads {loads} opens index.html.".encode()
    files["about.html"] = b"generation any loads nothing opens index.html."
    return shards, files


def publish(site: Path, generation: Generation) -> SiteReport:
    shards, files = generation
    writer = SiteWriter(site)
    found = {}
    for path in shards:
        stem = path.rpartition("/")[0][:-11]
        if stem not in found:
            mine = [content for other, content in shards.items() if other.startswith(stem)]
            found[stem] = add_folder(writer, stem, mine)
            assert path.startswith(found[stem].path + "/")
    return writer.publish(files, kept=found.values())


def add_folder(writer: SiteWriter, stem: str, shards: list[bytes]) -> Folder:
    with closing(writer.new_folder()) as new:
        for number, content in enumerate(shards):
            new.add(f"{number}.js", content)
        return writer.add_folder(new, stem)


OLD, NEW, NEWER = site_of(1, ["chat", "gone"]), site_of(2, ["chat", "fresh"]), site_of(3, ["chat", "fresh"])


def content(site: Path) -> dict[str, bytes]:
    return {p.relative_to(site).as_posix(): p.read_bytes() for p in sorted(site.rglob("*")) if p.is_file()}


def is_working(site: Path) -> None:
    """Every page is whole and from one of the two generations, and finds all that it loads and opens."""
    there = content(site)
    whole = {
        path: {page[path] for page in ({**OLD[0], **OLD[1]}, {**NEW[0], **NEW[1]}) if path in page}
        for path in there
    }
    for path, text in there.items():
        if "/.new-" in f"/{path}":
            continue  # nobody links to it, nobody is served it
        assert text in whole[path], path
        if path.endswith((".html", "version.js")):
            words = re.findall(r"[a-z][a-z0-9/-]*\.(?:html|js)", text.decode())
            for target in words:
                assert target in there, f"{path} needs {target}"
    assert "index.html" in there
    if there["version.js"] == NEW[1]["version.js"]:
        for path, text in NEW[1].items():
            assert there[path] == text, f"version.js is new and {path} is not"


def survived(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that dies before its change number `step` to the file system. Was it done before that?"""
    child = os.fork()
    if child == 0:
        count = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal count
            writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
            if event in CHANGES or writing:
                count += 1
                if count == step:
                    os._exit(KILLED)

        sys.addaudithook(watch)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, KILLED}
    return code == 0


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the old site, to be copied."""
    folder = tmp_path_factory.mktemp("old")
    publish(folder / "site", OLD)
    return folder


def test_killed_between_any_two_steps_it_leaves_a_site_that_works(old: Path, tmp_path: Path) -> None:
    step, olds, news = 0, 0, 0
    expected = content_after(tmp_path / "whole" / "site")
    while True:
        step += 1
        site = shutil.copytree(old, tmp_path / str(step)) / "site"
        done = survived(step, lambda site=site: publish(site, NEW))  # type: ignore[misc]
        is_working(site)
        version = content(site)["version.js"]
        olds, news = olds + (version == OLD[1]["version.js"]), news + (version == NEW[1]["version.js"])
        finish(site)  # what the next run does first
        is_working(site)
        now = {path: text for path, text in content(site).items() if path in NEW[1]}
        assert {
            text[:12] for path, text in now.items() if path.endswith(".html") and path != "about.html"
        } in (
            {b"generation 1"},
            {b"generation 2"},
        ), "after that it is all old or all new"
        publish(site, NEW)
        assert content(site) == expected
        assert [path.name for path in (site.parent / ".site").iterdir()] == ["files.json"]
        if done:
            break
    assert step > 15
    assert olds > 5
    assert news > 1


def content_after(site: Path) -> dict[str, bytes]:
    publish(site, OLD)
    publish(site, NEW)
    return content(site)


def test_killed_in_the_middle_of_being_finished_it_can_be_finished(old: Path, tmp_path: Path) -> None:
    expected = content_after(tmp_path / "whole" / "site")
    for first in range(1, 40):
        site = shutil.copytree(old, tmp_path / str(first)) / "site"
        if survived(first, lambda site=site: publish(site, NEW)):  # type: ignore[misc]
            break
        second = 0
        while not survived(second := second + 1, lambda site=site: finish(site)):  # type: ignore[misc]
            is_working(site)
        is_working(site)
        publish(site, NEW)
        assert content(site) == expected


def test_what_nobody_names_stays_for_one_generation(tmp_path: Path) -> None:
    site = tmp_path / "site"
    old_shards = OLD[0].keys() - NEW[0].keys()
    [old_data] = [path for path in OLD[1] if path.startswith("data/")]
    publish(site, OLD)
    publish(site, NEW)
    assert {*old_shards, old_data, "features/gone.html"} <= content(site).keys()
    report = publish(site, NEWER)
    assert report.removed == 4
    assert not {*old_shards, old_data, "features/gone.html"} & content(site).keys()
    assert {**NEW[0], **NEWER[0], **NEWER[1]}.items() <= content(site).items()


def test_a_run_writes_only_what_changed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    before = {path: (site / path).stat().st_mtime_ns for path in content(site)}
    same = publish(site, OLD)
    assert (same.written, same.removed, same.bytes_written) == (0, 0, 0)
    assert {path: (site / path).stat().st_mtime_ns for path in content(site)} == before

    _, files = OLD
    changed = publish(
        site, (OLD[0], {**files, "about.html": b"generation 1b loads nothing opens index.html."})
    )
    assert (changed.written, changed.files) == (1, len(files) + len(OLD[0]))
    assert changed.bytes == sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    after = {path: (site / path).stat().st_mtime_ns for path in content(site)}
    assert [path for path in after if after[path] != before[path]] == ["about.html"]


def test_doing_the_same_again_keeps_the_generation_before(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for generation in (OLD, NEW, NEW, NEW):
        publish(site, generation)
    assert set(OLD[0]) <= content(site).keys()


def test_a_file_that_was_spoilt_is_written_again(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    [data] = [path for path in OLD[1] if path.startswith("data/")]
    (site / data).write_bytes(b"x" * len(OLD[1][data]))
    (site / "index.html").write_bytes(b"")
    publish(site, OLD)
    assert {**OLD[0], **OLD[1]} == content(site)


def test_files_of_others_stay_and_ours_that_were_orphaned_go(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    (site / "CNAME").write_text("costs.example.com")
    (site / "data" / ".new-0123").write_text("torn")
    killed = [
        "data/0b-0123456789.js",
        "data/r/day-0123456789/0.js",
        "data/r/.new-0123/0.js",
        "data/r000-0123456789.js",
    ]
    for path in killed:
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text("of a run that was killed")
    publish(site, NEW)
    there = content(site).keys()
    assert "CNAME" in there
    assert not {"data/.new-0123", *killed} & there
    assert not any(path.name.startswith(".new") for path in site.rglob("*"))


def test_what_was_to_be_kept_and_is_gone_leaves_the_old_site(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    before = content(site)
    with pytest.raises(FileNotFoundError, match="data/r/day-0000000000"):
        SiteWriter(site).publish(NEW[1], kept=[Folder("data/r/day-0000000000", 1, 8)])
    assert content(site) == before


def test_a_folder_is_there_with_all_its_files_or_not_at_all(tmp_path: Path) -> None:
    writer = SiteWriter(tmp_path / "site")
    folder = add_folder(writer, "data/r/day", [b"one", b"two"])
    assert (folder.files, folder.bytes) == (2, 6)
    assert writer.has(folder)
    (tmp_path / "site" / folder.path / "1.js").unlink()
    assert not writer.has(folder)
    assert add_folder(writer, "data/r/day", [b"one", b"two"]) == folder
    assert writer.has(folder)
    assert not writer.has(Folder("data/r/day-0000000000", 1, 8))
    assert [path.name for path in (tmp_path / "site" / "data" / "r").iterdir()] == [Path(folder.path).name]


def test_a_file_is_there_as_it_was_left_or_not_at_all(tmp_path: Path) -> None:
    site = tmp_path / "site"
    writer = SiteWriter(site)
    file = writer.add_file("data/a-0123456789.js", b"one")
    assert writer.has(file)
    assert writer.publish({}, kept=[file]).files == 1
    (site / file.path).write_bytes(b"two")
    assert not writer.has(file)
    (site / file.path).unlink()
    assert not writer.has(file)
    with pytest.raises(FileNotFoundError, match=file.path):
        SiteWriter(site).publish({}, kept=[file])
    with pytest.raises(ValueError, match="is not below"):
        writer.add_file("index.html", b"one")


def test_a_folder_is_named_after_names_and_bytes_of_its_files(tmp_path: Path) -> None:
    writer = SiteWriter(tmp_path / "site")
    found = [[b"one", b"two"], [b"onet", b"wo"], [b"two", b"one"], [b"one"], [b"one", b"two", b""]]
    assert len({add_folder(writer, "data/r/day", shards).path for shards in found}) == len(found)


def test_the_same_folder_is_not_written_twice(tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    before = {path: path.stat().st_mtime_ns for path in (site / "data" / "r").iterdir()}
    assert publish(site, OLD).written == 0
    assert {path: path.stat().st_mtime_ns for path in (site / "data" / "r").iterdir()} == before


def test_a_folder_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with closing(SiteWriter(tmp_path / "site").new_folder()) as new:
        new.add("0.js", b"half")
    assert isinstance(new, NewFolder)
    assert content(tmp_path / "site") == {}


@pytest.mark.parametrize(
    "path", ["../out.html", "/etc/out.html", "a/../../out.html", "data/../../out.js", ".site/x", ""]
)
def test_no_file_leaves_the_folder(tmp_path: Path, path: str) -> None:
    site = tmp_path / "site"
    publish(site, OLD)
    before = {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(ValueError, match=r"lies outside|is not below"):
        SiteWriter(site).publish({**OLD[1], path: b"out"})
    writer = SiteWriter(site)
    with pytest.raises(ValueError, match=r"lies outside|is not below"):
        add_folder(writer, path.removesuffix(".html"), [b"out"])
    assert {str(p): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
