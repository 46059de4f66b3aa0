"""One report for all benchmarks: `bench.json` for machines, `bench.md` made from it for people."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.frame import Measurement, growth
from tokencost_pipeline import atomic

PACKAGES = ("duckdb", "dbt-core", "dagster", "pyarrow", "pandas")
OPTIONAL = {"polars": "polars", "chdb": "chdb-core"}  # module and package, of the extra `bench`


@dataclass(frozen=True)
class Section:
    """What one benchmark found."""

    name: str
    title: str
    measurements: Sequence[Measurement]
    findings: Sequence[str]


def write_report(folder: Path, sections: Sequence[Section]) -> Path:
    """Add the sections to the report, each in place of the one of its name; returns the Markdown's path."""
    path = folder / "bench.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for section in sections:
        known[section.name] = {
            "title": section.title,
            "measured_on": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
            "measurements": [
                {**asdict(it), "cpu_us_per_row": round(it.cpu_us_per_row, 3)} for it in section.measurements
            ],
            "growth": exponents(section.measurements),
            "findings": list(section.findings),
        }
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n")
    markdown = folder / "bench.md"
    atomic.write_text(markdown, "\n".join(page(dict(sorted(known.items())))) + "\n")
    return markdown


def machine() -> dict[str, str]:
    """What the figures depend on; no names and no paths."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return {
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{memory} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        **{name: version(package) for name, package in OPTIONAL.items() if find_spec(name)},
    }


def exponents(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """How each step's processor time grows from its smallest to its largest number of events."""
    found = []
    for case, step in dict.fromkeys((it.case, it.step) for it in measurements):
        same = sorted(
            (it for it in measurements if (it.case, it.step) == (case, step)), key=lambda it: it.events
        )
        if same[0].events != same[-1].events:
            exponent = growth((same[0].events, same[0].cpu_seconds), (same[-1].events, same[-1].cpu_seconds))
            found.append({"case": case, "step": step, "exponent": round(exponent, 2)})
    return found


def page(report: dict[str, Any]) -> list[str]:
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; how to read and repeat it: [bench/README.md](../README.md). Compare processor time"
        " (CPU); wall time depends on who else used the machine. Each case ran in a process of its own.",
    ]
    for name, section in report.items():
        told = ", ".join(
            f"{value} {key}" if key in {"cores", "memory"} else f"{key} {value}"
            for key, value in section["machine"].items()
        )
        lines += ["", f"## {section['title']}", "", f"`{name}`, {section['measured_on']}; {told}.", ""]
        lines += [f"- {finding}" for finding in section["findings"]]
        lines += [""] if section["findings"] else []
        lines += table(section["measurements"])
        if section["growth"]:
            lines += ["", "Growth with the number of events (1 = in proportion, 0 = flat):", ""]
            lines += [f"- {it['case']}, {it['step']}: {it['exponent']:.2f}" for it in section["growth"]]
    return lines


def table(measurements: Sequence[dict[str, Any]]) -> list[str]:
    rows = [
        "| case | step | events | CPU s | CPU µs per row | wall s | peak MiB | rounds | |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for it in measurements:
        facts = ", ".join(f"{name} {shown(value)}" for name, value in it["facts"].items())
        rows.append(
            f"| {it['case']} | {it['step']} | {it['events']:,} | {it['cpu_seconds']:.2f} | {it['cpu_us_per_row']:.3f} |"
            f" {it['wall_seconds']:.2f} | {it['peak_mb']:,} | {it['rounds']} | {facts} |"
        )
    return rows


def shown(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value
