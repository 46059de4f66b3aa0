"""Any request is found in its shard, and what a run patches is what a full build would make."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_exports import NASTY
from shard_exports import START, Call, write_exports

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.data_scripts import named, packed_script, script, unpack_script
from tokencost_pipeline.reports.shards.lines import KEY_LENGTH, field_names
from tokencost_pipeline.reports.shards.links import page_links
from tokencost_pipeline.reports.shards.maps import map_files, width_for
from tokencost_pipeline.reports.shards.update import ShardReport, update_shards
from tokencost_pipeline.reports.text import slug


class Lab:
    """Exports, a site and a cache in a folder."""

    def __init__(self, root: Path) -> None:
        self.exports, self.site, self.cache = root / "exports", root / "site", root / "cache"

    def publish(self, calls: list[Call]) -> ShardReport:
        write_exports(self.exports, calls)
        return self.update()

    def update(self) -> ShardReport:
        return update_shards(self.exports, self.site, self.cache, self.write)

    def write(self, path: str, content: bytes) -> None:
        target = self.site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def anew(self) -> dict[str, bytes]:
        """The files of a full build of the same exports: path -> content."""
        with TemporaryDirectory() as folder:
            other = Lab(Path(folder))
            other.exports = self.exports
            return other.files(other.update())

    def files(self, report: ShardReport) -> dict[str, bytes]:
        return {name: (self.site / name).read_bytes() for name in report.names}

    def find(self, report: ShardReport, request_id: str) -> dict[str, list[dict[str, Any]]]:
        """What the page of a request finds, by the same steps: letter -> rows by field."""
        digest = sha256(request_id.encode()).hexdigest()
        about = value_of((self.site / report.root).read_bytes())
        prefix, length = digest[: about["width"]], about["hash"]

        def entry(names: str, digits: str) -> str:
            return names[int(digits, 16) * length :][:length]

        if "names" in about:
            shard = entry(about["names"], prefix)
        else:
            block = prefix[:-2]
            name = entry(about["maps"], block)
            if name.startswith("-"):
                return {"q": [], "a": []}
            names = value_of((self.site / f"data/requests{block}-{name}.js").read_bytes())
            shard = entry(names, prefix[-2:])
        if shard.startswith("-"):
            return {"q": [], "a": []}
        text = unpack_script((self.site / f"data/r{prefix}-{shard}.js").read_bytes()).decode()
        mine = [
            json.loads(line) for line in text.splitlines() if line.startswith(f'["{digest[:KEY_LENGTH]}",')
        ]
        return {
            letter: [
                dict(zip(about["fields"][letter], line[2:], strict=True))
                for line in mine
                if line[1] == letter
            ]
            for letter in "qa"
        }


def value_of(data: bytes) -> Any:
    text = data.decode()
    return json.loads(text[text.index(",") + 1 : text.rindex(")")])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def some(number: int) -> list[Call]:
    return [Call(f"r-{place}", day=place % 5) for place in range(number)]


calls = st.builds(
    Call,
    request=st.one_of(st.none(), st.sampled_from([f"r-{number}" for number in range(12)])),
    number=st.integers(1, 3),
    day=st.integers(0, 3),
    units=st.one_of(st.none(), st.integers(0, 10**17)),
    text=st.one_of(st.none(), st.sampled_from(["m", "é\n", '"', *NASTY[:4]])),
)


def one_of_each(found: list[Call]) -> list[Call]:
    """A request's attempt is told once."""
    return list({(call.request, call.number): call for call in found}.values())


days = st.lists(calls, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(days, st.lists(st.tuples(st.integers(0, 3), days), min_size=1, max_size=3))
def test_what_runs_patch_is_what_a_full_build_makes(
    first: list[Call], edits: list[tuple[int, list[Call]]]
) -> None:
    """Each run has one day told anew; its requests may have attempts on other days too."""
    with TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        found = one_of_each(first)
        lab.publish(found)
        for day, told in edits:
            kept = [call for call in found if call.day != day]
            found = one_of_each([*(replace(call, day=day) for call in told), *kept])
            report = lab.publish(found)
            assert not report.full
            assert lab.files(report) == lab.anew()


def test_a_changed_request_rewrites_its_shard_and_the_map_alone(lab: Lab) -> None:
    before = lab.publish(some(300))
    changed = [replace(call, units=99) if call.request == "r-7" else call for call in some(300)]
    after = lab.publish(changed)
    assert not after.full
    prefix = sha256(b"r-7").hexdigest()[:1]
    assert {name[:7] for name in after.names - before.names} == {f"data/r{prefix}"[:7], "data/requests"[:7]}
    assert after.written == 2
    assert lab.find(after, "r-7")["a"][0]["cost_usd"] == "99"


def test_one_more_day_leaves_the_days_before_alone(lab: Lab) -> None:
    before = lab.publish(some(300))
    after = lab.publish([*some(300), Call("new", day=9), Call("r-7", number=2, day=9)])
    touched = {sha256(name.encode()).hexdigest()[0] for name in ("new", "r-7")}
    assert not after.full
    assert {name[6] for name in after.names - before.names if "requests" not in name} == touched
    assert len(lab.find(after, "r-7")["a"]) == 2
    assert lab.files(after) == lab.anew()


def test_nothing_new_writes_nothing(lab: Lab) -> None:
    before = lab.publish(some(40))
    after = lab.update()
    assert (after.written, after.bytes, after.full) == (0, 0, False)
    assert (after.names, after.root, after.requests) == (before.names, before.root, 40)


def test_a_row_that_moves_to_another_file_rewrites_nothing_but_its_day(lab: Lab) -> None:
    """The lines of a day that is cut otherwise are the same lines."""
    lab.publish(some(40))
    moved = [replace(call, day=0) if call.day == 1 else call for call in some(40)]
    report = lab.publish(moved)
    assert lab.files(report) == lab.anew()


@pytest.mark.parametrize(
    "harm", ["no state", "bad state", "no marks", "torn marks", "no shard", "torn shard", "no map"]
)
def test_what_does_not_fit_is_made_anew(lab: Lab, harm: str) -> None:
    report = lab.publish(some(60))
    state = lab.cache / "state.json"
    shard = lab.site / next(
        name for name in report.names if name.startswith(f"data/r{sha256(b'r-7').hexdigest()[0]}-")
    )
    match harm:
        case "no state":
            state.unlink()
        case "bad state":
            state.write_bytes(state.read_bytes()[:-20])
        case "no marks" | "torn marks":
            for path in (lab.cache / "marks").iterdir():
                path.unlink() if harm == "no marks" else path.write_bytes(path.read_bytes()[:-1])
        case "no shard":
            shard.unlink()
        case "torn shard":
            shard.write_bytes(shard.read_bytes()[:-30])
        case "no map":
            (lab.site / report.root).unlink()
    changed = [replace(call, units=99) if call.request == "r-7" else call for call in some(60)]
    again = lab.publish(changed)
    assert again.full
    assert lab.files(again) == lab.anew()


def test_a_missing_shard_is_made_again_also_when_nothing_is_new(lab: Lab) -> None:
    report = lab.publish(some(60))
    missing = lab.site / sorted(report.names)[0]
    missing.unlink()
    assert lab.update().names == report.names
    assert missing.exists()


def test_shards_get_narrower_as_requests_get_more(lab: Lab) -> None:
    first = lab.publish(some(4096))
    assert value_of((lab.site / first.root).read_bytes())["width"] == 1
    second = lab.publish(some(4097))
    assert value_of((lab.site / second.root).read_bytes())["width"] == 2
    assert second.full
    assert lab.find(second, "r-4096")["q"][0]["attempts"] == 1
    assert lab.files(second) == lab.anew()


@pytest.mark.parametrize(
    ("requests", "width"),
    [(0, 1), (4096, 1), (65_536, 2), (65_537, 3), (1_048_576, 3), (1_048_577, 4), (16_777_217, 5)],
)
def test_width_keeps_shards_small(requests: int, width: int) -> None:
    assert width_for(requests) == width


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_the_map_names_each_shard_in_few_bytes(width: int) -> None:
    prefixes = [f"{number * 7919 % 16**width:0{width}x}" for number in range(min(16**width, 500))]
    shards = {prefix: sha256(prefix.encode()).hexdigest()[:10] for prefix in prefixes}
    root, files = map_files(width, shards)
    about = value_of(files[root])
    largest = max(len(content) for path, content in files.items() if path != root) if len(files) > 1 else 0
    assert len(files[root]) + largest < 50_000
    for prefix, digest in shards.items():
        if "names" in about:
            names, digits = about["names"], prefix
        else:
            block, digits = prefix[:-2], prefix[-2:]
            name = about["maps"][int(block, 16) * 10 :][:10]
            names = value_of(files[f"data/requests{block}-{name}.js"])
        assert names[int(digits, 16) * 10 :][:10] == digest


def test_a_request_is_found_with_exact_values(lab: Lab) -> None:
    units = 12_345_678_901_234_567_890_123
    report = lab.publish(
        [Call("r", 1, 0, units, "a"), Call("r", 2, 1, None, None), Call("s", 1, 0, 0), Call(None, 1, 0, None)]
    )
    found = lab.find(report, "r")
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
    report = lab.publish([Call(None, 1, 0, None), Call(None, 2, 0, None)])
    assert [name for name in report.names if "requests" not in name] == []
    assert report.requests == 0


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


def test_the_map_tells_the_fields_of_a_line(lab: Lab) -> None:
    report = lab.publish(some(3))
    assert value_of((lab.site / report.root).read_bytes())["fields"] == field_names()
