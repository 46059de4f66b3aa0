"""The command line. Exit code 0, 1 (a check failed) or 2 (bad usage or bad input)."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Annotated

import typer

from tokencost_pipeline.commands import prices
from tokencost_pipeline.commands.output import err, out, print_json
from tokencost_pipeline.errors import CheckFailed, UserError
from tokencost_pipeline.settings import load_settings
from tokencost_pipeline.startup import tidy_up_rarely

app = typer.Typer(
    name="tokencost",
    help="The FinOps warehouse for LLM spend: exact cost per attempt, from the logs you already have.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(prices.app, name="prices")

Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON document on stdout.")]
DAY = ["%Y-%m-%d"]


@app.command(epilog="Example: tokencost run --from 2026-11-01 --to 2026-11-07")
def run(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=DAY, help="Also rebuild days from this one …")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, help="… to this one, both included.")
    ] = None,
    full_refresh: Annotated[bool, typer.Option(help="Rebuild every mart from the landing zone.")] = False,
    json: Json = False,
) -> None:
    """Read what is new in raw/, price it, roll it up, check it, alert and publish."""
    from tokencost_pipeline.commands.run import run as execute

    execute(
        load_settings(),
        first=first.date() if first else None,
        last=last.date() if last else None,
        full_refresh=full_refresh,
        as_json=json,
    )


@app.command(epilog="Example: TOKENCOST_TIMEZONE=Europe/Berlin tokencost config --json")
def config(json: Json = False) -> None:
    """Print the settings in force; secrets are masked."""
    from tokencost_pipeline.commands.inspect import config as show

    show(load_settings(), as_json=json)


@app.command(epilog="Example: tokencost schema > canonical_event.schema.json")
def schema(json: Json = False) -> None:
    """Print the JSON Schema of the canonical event (always JSON)."""
    from tokencost_pipeline.commands.inspect import schema as show

    show()


@app.command(epilog="Example: tokencost demo --spike summarise && tokencost run")
def demo(
    spike: Annotated[
        str | None, typer.Option(help="Lengthen the prompts of this feature on the last day.")
    ] = None,
    days: Annotated[int, typer.Option(min=2, max=400, help="Days of traffic, up to now.")] = 28,
    seed: Annotated[int, typer.Option(help="The same seed gives the same traffic.")] = 7,
    json: Json = False,
) -> None:
    """Write generated gateway events into raw/events, to see the reports and an alert at work."""
    from dataclasses import asdict

    from tokencost_pipeline.clock import utc_now
    from tokencost_pipeline.demo.write import demo as generate

    settings = load_settings()
    report = generate(settings, spike=spike, now=utc_now(settings), days=days, seed=seed)
    if json:
        print_json(asdict(report))
    else:
        out.print(
            f"{report.events:,} events in {len(report.files)} files below {settings.raw_dir / 'events'}"
        )
        if report.note:
            out.print(report.note)


@app.command(epilog="Example: tokencost stats --json | python -m json.tool")
def stats(json: Json = False) -> None:
    """Print cost, savings and coverage: the figures of published/api/stats.json."""
    from tokencost_pipeline.commands.inspect import stats as show

    show(load_settings(), as_json=json)


@app.command(epilog="Example: tokencost quarantine --reason timestamp")
def quarantine(
    reason: Annotated[str | None, typer.Option(help="Only reasons that contain this text.")] = None,
    replay: Annotated[
        bool, typer.Option(help="After a fix: put them through the gate again, then price and publish.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many to print.")] = 50,
    json: Json = False,
) -> None:
    """List the lines that were refused, with file, line and what to mend; or try them again."""
    from tokencost_pipeline.commands.inspect import quarantine as show
    from tokencost_pipeline.commands.inspect import replay as execute

    (execute if replay else show)(load_settings(), reason=reason, limit=limit, as_json=json)


@app.command(epilog="Example: tokencost doctor")
def doctor(
    target: Annotated[
        str | None,
        typer.Option(help="Engine to look at: duckdb or clickhouse. TOKENCOST_TARGET unless given."),
    ] = None,
    json: Json = False,
) -> None:
    """Look at settings, files and locks, and say what to do. Exits with 1 when something is wrong."""
    from tokencost_pipeline.commands.doctor import doctor as look
    from tokencost_pipeline.settings import with_target

    settings = load_settings()
    if not look(settings if target is None else with_target(settings, target), as_json=json):
        raise typer.Exit(1)


@app.command(epilog="Example: tokencost serve --base-path /costs/")
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8000,
    base_path: Annotated[str, typer.Option(help="Path that the site hangs below.")] = "/",
    json: Json = False,
) -> None:
    """Serve the published site on this machine only, read-only: it has no log-in, so never publish the port."""
    from tokencost_pipeline.commands.serve import serve as execute

    execute(load_settings(), port=port, base_path=base_path, as_json=json)


@app.command(epilog="Example: tokencost ui --port 3001")
def ui(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open the Dagster UI with its daemon, on this machine only: it has no log-in, so never publish the port."""
    from tokencost_pipeline.instance import create_storage, prepare_dagster_home
    from tokencost_pipeline.settings import PROJECT_ROOT

    settings = load_settings()
    prepare_dagster_home(settings)
    create_storage(settings)
    out.print(f"http://127.0.0.1:{port} (stop with Ctrl-C)")
    arguments = [
        "-m",
        "dagster",
        "dev",
        "-w",
        str(PROJECT_ROOT / "workspace.yaml"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    os.execv(sys.executable, [sys.executable, *arguments])


def main() -> None:
    """Entry point: errors a user can mend are printed, not traced."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    tidy_up_rarely()
    try:
        app()
    except UserError as error:
        err.print(f"error: {error}", style="red", markup=False)
        sys.exit(1 if isinstance(error, CheckFailed) else 2)


if __name__ == "__main__":
    main()
