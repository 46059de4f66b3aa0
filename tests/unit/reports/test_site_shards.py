"""Any request is found in the shards of its days, and what runs make one by one is what a full build makes."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_exports import NASTY
from shard_exports import START, Call, label, write_exports

from bench.look_up import Found, look_up
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.data_scripts import named, packed_script, script, unpack_script
from tokencost_pipeline.reports.export_parts import label_of, number_of
from tokencost_pipeline.reports.shards.lines import field_names
from tokencost_pipeline.reports.shards.links import page_links
from tokencost_pipeline.reports.shards.update import ShardReport, update_shards
from tokencost_pipeline.reports.site_publish import SiteWriter
from tokencost_pipeline.reports.text import slug

SAME_PLACE = ("r-45607", "r-159124")


class Lab:
    """Exports, a site and a cache in a folder."""

    def __init__(self, root: Path) -> None:
        self.exports, self.site, self.cache = root / "exports", root / "site", root / "cache"

    def publish(self, calls: list[Call]) -> ShardReport:
        write_exports(self.exports, calls)
        return self.update()

    def update(self) -> ShardReport:
        writer = SiteWriter(self.site)
        report = update_shards(self.exports, writer, self.cache)
        writer.publish({report.root: report.content}, kept=report.folders)
        return report

    def anew(self) -> dict[str, bytes]:
        """The files of a full build of the same exports: path -> content."""
        with TemporaryDirectory() as folder:
            other = Lab(Path(folder))
            other.exports = self.exports
            return other.files(other.update())

    def files(self, report: ShardReport) -> dict[str, bytes]:
        paths = [path for folder in report.folders for path in (self.site / folder.path).iterdir()]
        found = {path.relative_to(self.site).as_posix(): path.read_bytes() for path in paths}
        return {report.root: (self.site / report.root).read_bytes(), **found}

    def find(self, report: ShardReport, request_id: str) -> dict[str, list[dict[str, Any]]]:
        return self.look_up(report, request_id).rows

    def look_up(self, report: ShardReport, request_id: str) -> Found:
        return look_up(self.site, report.root, request_id)


def value_of(data: bytes) -> Any:
    text = data.decode()
    return json.loads(text[text.index(",") + 1 : text.rindex(")")])


def made_days(report: ShardReport) -> list[str]:
    return [label_of(it) for it in report.made if isinstance(it, int)]


def folder_of(report: ShardReport, name: str) -> Path:
    [path] = [Path(folder.path) for folder in report.folders if Path(folder.path).name.startswith(f"{name}-")]
    return path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def some(number: int) -> list[Call]:
    return [Call(f"r-{place}", day=place % 5) for place in range(number)]


calls = st.builds(
    Call,
    request=st.one_of(st.none(), st.sampled_from([*(f"r-{number}" for number in range(8)), *SAME_PLACE])),
    number=st.integers(1, 3),
    day=st.integers(0, 11),
    units=st.one_of(st.none(), st.integers(0, 10**17)),
    text=st.one_of(st.none(), st.sampled_from(["m", "é\n", '"', *NASTY[:4]])),
)


def one_of_each(found: list[Call]) -> list[Call]:
    """A request's attempt is told once."""
    return list({(call.request, call.number): call for call in found}.values())


days = st.lists(calls, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days, st.lists(st.tuples(st.integers(0, 11), days), min_size=1, max_size=3))
def test_what_runs_make_day_by_day_is_what_a_full_build_makes(
    first: list[Call], edits: list[tuple[int, list[Call]]]
) -> None:
    """Each run has one day told anew; its requests may have attempts on other days too. All that was told is found."""
    with TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        found = one_of_each(first)
        lab.publish(found)
        for day, told in edits:
            kept = [call for call in found if call.day != day]
            found = one_of_each([*(replace(call, day=day) for call in told), *kept])
            report = lab.publish(found)
            assert lab.files(report) == lab.anew()
            for request in {call.request for call in found if call.request is not None}:
                mine = lab.find(report, request)
                attempts = [call for call in found if call.request == request]
                assert [row["attempts"] for row in mine["q"]] == [len(attempts)]
                assert sorted(row["attempt"] for row in mine["a"]) == sorted(call.number for call in attempts)


def test_a_changed_request_makes_its_day_anew_and_nothing_else(lab: Lab) -> None:
    before = lab.publish(some(300))
    changed = [replace(call, units=99) if call.request == "r-7" else call for call in some(300)]
    after = lab.publish(changed)
    assert after.made == (number_of(label(2)),)
    assert len(set(after.folders) - set(before.folders)) == 1
    assert lab.find(after, "r-7")["a"][0]["cost_usd"] == "99"


def test_one_more_day_leaves_the_days_before_alone(lab: Lab) -> None:
    before = lab.publish(some(300))
    after = lab.publish([*some(300), Call("new", day=9)])
    assert after.made == (number_of(label(9)), "recent")
    assert {folder.path.split("/")[-1][:-11] for folder in set(after.folders) - set(before.folders)} == {
        label(9),
        "recent",
    }
    assert lab.files(after) == lab.anew()


def test_a_request_of_two_days_is_found_whole(lab: Lab) -> None:
    report = lab.publish([*some(300), Call("r-7", number=2, day=9)])
    rows = lab.find(report, "r-7")
    assert [row["attempts"] for row in rows["q"]] == [2]
    assert sorted(row["attempt"] for row in rows["a"]) == [1, 2]
    assert len(lab.look_up(report, "r-7").files) == 4
    assert len(lab.look_up(report, "r-8").files) == 3


def test_requests_that_share_a_place_are_told_apart(lab: Lab) -> None:
    one, other = SAME_PLACE
    assert sha256(one.encode()).hexdigest()[:8] == sha256(other.encode()).hexdigest()[:8]
    report = lab.publish(
        [*some(30), Call(one, day=1, units=5), Call(other, day=3, units=7), Call(other, 2, 1, 8)]
    )
    assert [row["cost_usd"] for row in lab.find(report, one)["a"]] == ["5"]
    assert sorted(row["cost_usd"] for row in lab.find(report, other)["a"]) == ["7", "8"]
    assert len(lab.look_up(report, one).files) == 4, "the other's day is looked into in vain"


def test_a_large_day_is_cut_into_shards(lab: Lab) -> None:
    told = [Call(f"r-{place}") for place in range(700)]
    report = lab.publish([*told, Call("small", day=1)])
    assert len(list((lab.site / folder_of(report, label(0))).iterdir())) == 8
    assert len(list((lab.site / folder_of(report, label(1))).iterdir())) == 1
    for number in range(0, 700, 7):
        [attempt] = lab.find(report, f"r-{number}")["a"]
        assert attempt["event_id"] == f"e-r-{number}-1"
    assert lab.find(report, "nobody") == {"q": [], "a": []}
    assert lab.files(report) == lab.anew()


def test_nothing_new_makes_nothing(lab: Lab) -> None:
    before = lab.publish(some(40))
    state = (lab.cache / "state.json").stat().st_mtime_ns
    after = lab.update()
    assert after.made == ()
    assert (after.root, after.folders) == (before.root, before.folders)
    assert (lab.cache / "state.json").stat().st_mtime_ns == state


def test_a_day_that_goes_leaves_nothing_behind(lab: Lab) -> None:
    lab.publish(some(300))
    report = lab.publish([call for call in some(300) if call.day != 0])
    assert report.made == ("recent",)
    assert lab.find(report, "r-5") == {"q": [], "a": []}
    assert lab.files(report) == lab.anew()
    gone = lab.publish([])
    assert gone.folders == ()
    assert lab.find(gone, "r-6") == {"q": [], "a": []}


@pytest.mark.parametrize(
    "harm",
    [
        "no state",
        "bad state",
        "strange state",
        "no places",
        "torn places",
        "no folder",
        "no shard",
        "no index",
    ],
)
def test_what_does_not_fit_is_made_anew(lab: Lab, harm: str) -> None:
    report = lab.publish(some(60))
    state = lab.cache / "state.json"
    day = lab.site / folder_of(report, label(2))
    match harm:
        case "no state":
            state.unlink()
        case "bad state":
            state.write_bytes(state.read_bytes()[:-20])
        case "strange state":
            state.write_bytes(b'{"made_by": []}')
        case "no places" | "torn places":
            for path in (lab.cache / "places").iterdir():
                path.unlink() if harm == "no places" else path.write_bytes(path.read_bytes()[:-1])
        case "no folder" | "no shard" | "no index":
            path = lab.site / folder_of(report, "recent") if harm == "no index" else day
            for file in path.iterdir():
                file.unlink()
            if harm == "no folder":
                path.rmdir()
    again = lab.publish([*some(60), Call("new", day=9)])
    assert again.made
    assert lab.files(again) == lab.anew()
    assert lab.find(again, "r-7")["q"]


def test_a_spoilt_shard_is_written_again_once_the_cache_is_gone(lab: Lab) -> None:
    report = lab.publish(some(60))
    shard = next((lab.site / folder_of(report, label(2))).iterdir())
    shard.write_bytes(b"x" * shard.stat().st_size)
    (lab.cache / "state.json").unlink()
    again = lab.update()
    assert again.folders == report.folders
    assert lab.files(again) == lab.anew()


def test_a_missing_shard_is_made_again_also_when_nothing_is_new(lab: Lab) -> None:
    report = lab.publish(some(60))
    missing = next((lab.site / folder_of(report, label(2))).iterdir())
    missing.unlink()
    assert made_days(lab.update()) == [label(2)]
    assert missing.exists()


def test_a_page_from_before_an_update_finds_what_was_said_then(lab: Lab) -> None:
    before = lab.publish(some(300))
    after = lab.publish([replace(call, units=99) for call in some(300)])
    assert lab.find(before, "r-7")["a"][0]["cost_usd"] == "1"
    assert lab.find(after, "r-7")["a"][0]["cost_usd"] == "99"


def test_a_run_that_died_before_it_published_is_made_good_by_the_next(lab: Lab) -> None:
    lab.publish(some(60))
    write_exports(lab.exports, [*some(60), Call("new", day=9)])
    update_shards(lab.exports, SiteWriter(lab.site), lab.cache)
    report = lab.publish([*some(60), Call("other", day=9)])
    assert lab.files(report) == lab.anew()
    assert len(list((lab.site / "data" / "r").glob(f"{label(9)}-*"))) == 1


def test_an_export_that_cannot_be_read_leaves_no_rubbish(lab: Lab) -> None:
    lab.publish(some(60))
    write_exports(lab.exports, [*some(60), Call("new", day=9)])
    [path] = (lab.exports / "files").glob(f"marts.fct_attempts.{label(9)}.*")
    path.write_bytes(b"PAR1 no PAR1")
    with pytest.raises(duckdb.Error):
        lab.update()
    assert not (lab.cache / "sorting").exists()
    assert not list(lab.site.rglob(".new*"))


def test_a_request_is_found_with_exact_values(lab: Lab) -> None:
    units = 12_345_678_901_234_567_890_123
    report = lab.publish(
        [Call("r", 1, 0, units, "a"), Call("r", 2, 1, None, None), Call("s", 1, 0, 0), Call(None, 1, 0, None)]
    )
    found = lab.find(report, "r")
    found["a"].sort(key=lambda row: row["attempt"])
    assert [row["cost_usd"] for row in found["a"]] == [str(units), None]
    assert [row["model"] for row in found["a"]] == ["a", None]
    [request] = found["q"]
    assert request["cost_usd"] == str(units)
    assert request["prompt_share"] == "0.750000"
    assert request["first_seen"] == int(START.timestamp() * 1_000_000)
    assert request["feature:slug"] == slug("a")[-10:]
    assert request["tenant_id:slug"] == slug(None)
    assert lab.find(report, "s")["a"][0]["cost_usd"] == "0"
    assert lab.find(report, "nobody") == {"q": [], "a": []}


def test_what_is_only_counted_has_no_line(lab: Lab) -> None:
    report = lab.publish([Call(None, 1, 0, None), Call(None, 2, None, None)])
    assert report.folders == ()
    assert report.made == (0, number_of(label(0)))


def test_a_request_without_a_day_is_found_too(lab: Lab) -> None:
    report = lab.publish([*some(10), Call("r-1", 2, day=None)])
    assert len(lab.find(report, "r-1")["a"]) == 2
    assert folder_of(report, "rest")


@pytest.mark.parametrize(
    ("part", "number"),
    [
        ("1970-01-02", 1),
        ("2026-11-20", 20_777),
        ("2149-06-06", 65_535),
        ("2026-11", 0),
        ("count", 0),
        ("", 0),
    ],
)
def test_days_have_numbers(part: str, number: int) -> None:
    assert number_of(part) == number
    assert label_of(number) == (part if number else "rest")


@pytest.mark.parametrize("part", ["1969-12-31", "2149-06-07", "9999-12-31"])
def test_days_of_another_age_lie_with_the_rest(part: str) -> None:
    assert number_of(part) == 0


def test_without_exports_one_is_told_to_run(lab: Lab) -> None:
    with pytest.raises(UserError, match="exported"):
        lab.update()


@pytest.mark.parametrize("name", [name for name in NASTY if name])
def test_harmful_names_are_data_in_a_shard(lab: Lab, name: str) -> None:
    report = lab.publish([Call(name, text=name), Call("other")])
    [attempt] = lab.find(report, name)["a"]
    assert attempt["model"] == name[:300]
    for path, content in lab.files(report).items():
        assert content.isascii()
        assert b"<" not in content, path
        assert content.startswith(b"tokencost.receive(")
        assert content.count(b"\n") == 1


def test_scripts_say_nothing_but_their_value() -> None:
    wild = {"a": [*NASTY, "\u2028", "\u2029", "</script>", None, 1, True]}
    content = script("x", wild)
    assert value_of(content) == wild
    assert not any(character in content.decode() for character in "<>&\u2028\u2029")
    assert unpack_script(packed_script("x", "é</script>".encode())) == "é</script>".encode()
    assert named("x", content).startswith("data/x-")
    with pytest.raises(ValueError, match="base64"):
        unpack_script(content)
    with pytest.raises(ValueError, match="not a packed script"):
        unpack_script(b'tokencost.receive("x","AAAA");\n')


def test_pages_that_exist_are_told_to_the_look_up() -> None:
    path, content = page_links({"a": "features/a", None: "features/none"}, {"<": "tenants/x"})
    assert value_of(content) == {
        "features": {slug("a")[-10:]: "features/a", "none": "features/none"},
        "tenants": {slug("<")[-10:]: "tenants/x"},
    }
    assert path == named("links", content)


def test_the_root_tells_the_fields_of_a_line(lab: Lab) -> None:
    report = lab.publish(some(3))
    assert json.loads(unpack_script(report.content))["fields"] == field_names()


def test_a_column_that_files_lack_is_unknown_whoever_is_read_with_them(lab: Lab) -> None:
    """The sample's files have no status of a request, and no slug may differ for that."""
    report = lab.publish(some(3))
    [request] = lab.find(report, "r-0")["q"]
    assert request["final_status"] is None
    assert request["tenant_id:slug"] == "none"
