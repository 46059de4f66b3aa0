"""The report: everything from the exports of twelve months, one more hour on top of them, and nothing new.

The size of this benchmark is the number of requests; `site_facts.py` makes them. A step is what the asset does after
the exports are written: Markdown, charts, CSV files and the static site with a way to open every request.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.frame import Benchmark, Measurement, Meter
from bench.installation import installation
from bench.look_up import look_up
from bench.site_facts import an_hour, one_more_hour, prepare
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.look import ask

FULL, HOUR, NOTHING = "full build", "one new hour", "nothing new"
STEP = "publish"
TARGETS = {FULL: 60, HOUR: 6}
LOOK_UP_TARGET = 100_000
SAMPLE = 200


def run(case: str, folder: Path, requests: int, meter: Meter) -> None:
    """The cases build on each other, in their order: each goes on with the site of the one before."""
    settings = installation(folder)
    new = 0
    if case == HOUR:
        new = one_more_hour(settings, requests, 1)
    elif case == NOTHING:
        new = an_hour(requests, 1).events
    data = settings.reports_dir / "site" / "data"
    before = set(data.rglob("*.js")) if case != FULL else set()
    with meter.step(STEP, rows={FULL: requests, HOUR: new, NOTHING: 1}[case]) as facts:
        report = publish(settings)
    facts |= {"files written": report.written, "of them data": len(set(data.rglob("*.js")) - before)}
    if case == FULL:
        facts |= weighed(settings)
    check(settings, requests + new)


def weighed(settings: Settings) -> dict[str, int | str]:
    """Files and bytes of the site, and what a look-up of a request loads beside the page: root, index and shards."""
    site = settings.reports_dir / "site"
    sizes = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    root = root_of(site)
    look_ups = [
        sum(path.stat().st_size for path in look_up(site, root, it).files) for it in some_requests(settings)
    ]
    return {
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "bytes of a look-up": sum(look_ups) // len(look_ups),
        "largest look-up": max(look_ups),
    }


def some_requests(settings: Settings) -> list[str]:
    rows = ask(
        settings, f"select request_id from marts.fct_requests order by hash(request_id) limit {SAMPLE}"
    )
    return [row["request_id"] for row in rows]


def root_of(site: Path) -> str:
    """The data file that the page of a request loads first."""
    page = (site / "request" / "index.html").read_text("utf-8")
    return page.split('data-map="')[1].split('"')[0]


def check(settings: Settings, requests: int) -> None:
    """Every request of a sample is where the page looks for it, with what the marts say it cost."""
    [row] = ask(settings, "select count(*) as requests from marts.fct_requests")
    if row["requests"] != requests:
        raise AssertionError(f"{row['requests']} requests in the marts, {requests} expected")
    site = settings.reports_dir / "site"
    for request_id in some_requests(settings)[:20]:
        [told] = ask(
            settings, "select count(*) as attempts from marts.fct_attempts where request_id = ?", [request_id]
        )
        found = len(look_up(site, root_of(site), request_id).rows["a"])
        if found != told["attempts"]:
            raise AssertionError(
                f"{request_id}: {found} attempts in its shards, {told['attempts']} in the marts"
            )


def findings(measurements: Sequence[Measurement]) -> list[str]:
    told = []
    for events in sorted({it.events for it in measurements}):
        cases = {it.case: it for it in measurements if it.events == events}
        look_up = int(cases[FULL].facts["largest look-up"])
        told.append(
            f"{events:,} requests over twelve months, CPU s: "
            + ", ".join(
                f"{case} {it.cpu_seconds:.1f}" + (f" (target: {TARGETS[case]})" if case in TARGETS else "")
                for case, it in cases.items()
            )
            + f". A look-up loads at most {look_up:,} bytes of data (target: {LOOK_UP_TARGET:,})."
        )
    return told


BENCHMARK = Benchmark(
    name="site",
    title="The report and its static site: everything, one new hour, nothing new",
    sizes=(10_000, 100_000, 1_000_000),
    cases=lambda events: [FULL, HOUR, NOTHING],
    run=run,
    prepare=prepare,
    findings=findings,
)
