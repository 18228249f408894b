"""The verb drill: faults made on purpose in a scratch world, counted, each with its sabotage."""

import json
import math
import random
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.console import ERR, OUT, Steps, show_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.drill.rounds import DrillOutcome
    from bench.measurement import Measurement

COLUMNS = (
    "fault",
    "what was done",
    "sent",
    "landed",
    "lost",
    "reported, s",
    "recovered, s",
    "sabotage",
    "detected",
)


def _require_finite(
    _context: click.Context, _option: click.Parameter, hours: float | None
) -> float | None:
    if hours is not None and not math.isfinite(hours):
        raise click.BadParameter(f"{hours} is no number of hours")
    return hours


@click.command()
@click.option("--seed", type=int, help="Of the market and of every choice; else a new one.")
@click.option(
    "--only", "fault_names", multiple=True, metavar="FAULT", help="This fault; repeatable."
)
@click.option("--list", "lists", is_flag=True, help="Print the faults and their sabotages.")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
@click.option(
    "--long",
    "hours",
    type=click.FloatRange(min=0.1),
    callback=_require_finite,
    metavar="HOURS",
    help="A random fault every three minutes, and the slopes of memory and lag.",
)
def drill(
    seed: int | None, fault_names: tuple[str, ...], lists: bool, as_json: bool, hours: float | None
) -> None:
    """Make faults in a scratch world of its own, and prove that nothing is lost.

    Simulated venues, broker, Postgres, stream, feeds and trader run on free ports in a temporary
    folder; the world of `up` is not touched. After each fault everything that was sent is counted
    in Kafka and in the lake, by code that the audit does not share; then a copy of the lake is
    sabotaged, which the audit must name. It exits 1 if anything was lost, did not recover, or a
    sabotage was not detected. All faults take about half an hour. Examples:

    \b
      ./tickhouse drill --only kill-stream --only broker-away
      ./tickhouse drill --long 8 --seed 7
    """  # noqa: D301 (click reads the \\b)
    from bench.drill.running import DrillPlan, choose_faults, run_drill

    faults = choose_faults(fault_names)
    if lists:
        rows = [(fault.name, fault.action, fault.sabotage.action) for fault in faults]
        show_rows(("fault", "what is done", "sabotage"), rows, form="json" if as_json else "table")
        return
    seed = random.randrange(10**6) if seed is None else seed
    steps = Steps()
    steps(f"seed {seed}")
    plan = DrillPlan(faults, seed=seed, hours=hours or 0.0)
    outcomes, slopes = run_drill(plan, print_line=steps, show=_show_outcome)
    if as_json:
        _print_json(seed, outcomes, slopes)
    else:
        _print_tables(outcomes, slopes)
    sys.exit(0 if all(outcome.ok for outcome in outcomes) else 1)


def _show_outcome(outcome: "DrillOutcome") -> None:
    if outcome.reported:
        ERR.print(f"  reported: {outcome.reported}", highlight=False, markup=False)
    if outcome.detected:
        ERR.print(f"  detected: {outcome.detected}", highlight=False, markup=False)
    else:
        ERR.print(f"  not detected: {outcome.sabotage}", highlight=False, markup=False)
    for finding in outcome.findings:
        ERR.print(f"  fault: {finding}", highlight=False, markup=False)


def _print_json(
    seed: int, outcomes: "Sequence[DrillOutcome]", slopes: "Sequence[Measurement]"
) -> None:
    report = {
        "ok": all(outcome.ok for outcome in outcomes),
        "seed": seed,
        "faults": [asdict(outcome) | {"ok": outcome.ok} for outcome in outcomes],
        "slopes": [asdict(slope) for slope in slopes],
    }
    click.echo(json.dumps(report, indent=1))


def _print_tables(outcomes: "Sequence[DrillOutcome]", slopes: "Sequence[Measurement]") -> None:
    rows = [
        (
            outcome.fault,
            outcome.action,
            outcome.sent_count,
            outcome.landed_count,
            outcome.lost_count,
            "sooner over" if outcome.reported_s is None else outcome.reported_s,
            "never" if outcome.recovered_s is None else outcome.recovered_s,
            outcome.sabotage,
            "yes" if outcome.is_detected else "NO",
        )
        for outcome in outcomes
    ]
    show_rows(COLUMNS, rows, form="table")
    for outcome in outcomes:
        for finding in outcome.findings:
            OUT.print(f"{outcome.fault}: {finding}", highlight=False, markup=False, soft_wrap=True)
    if slopes:
        slope_rows = [(slope.name, slope.value, slope.unit) for slope in slopes]
        show_rows(("figure", "value", "unit"), slope_rows, form="table")
