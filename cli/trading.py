"""Verbs about the trader and what it acts on: trader, trace, forecast."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from cli.console import ERR, OUT, show_rows
from include.errors import ForecastError
from include.settings import from_environment
from include.settings.groups import DatabaseRole

LIST_HEADS = (
    "",
    "forecast",
    "symbol",
    "trained until",
    "minutes",
    "error over the last price's",
    "inside the 80 % band",
)


@click.group()
def trader() -> None:
    """Halt the trader, or let it go on."""


_ACCOUNT = click.option(
    "--account", "account_name", default="", help="One account by name; empty: all."
)


@trader.command()
@click.option("--reason", default="by hand", show_default=True, help="Recorded with the halt.")
@_ACCOUNT
def halt(reason: str, account_name: str) -> None:
    """Stop all new orders until `resume`; it survives restarts. Decisions go on, as holds."""
    from include.serving.account_states import halt as switch

    settings = from_environment()
    settings.of_account(account_name)
    switch(settings.dsn(DatabaseRole.TRADER), reason, account_name=account_name)
    whose = f"account {account_name}" if account_name else "the trader"
    option = f" --account {account_name}" if account_name else ""
    ERR.print(
        f"{whose} is halted: every decision holds until ./tickhouse trader resume{option}",
        soft_wrap=True,
    )


@trader.command()
@_ACCOUNT
def resume(account_name: str) -> None:
    """Let a halted trader order again; all its accounts, those halted by name too."""
    from include.serving.account_states import read_halt_reason
    from include.serving.account_states import resume as switch

    settings = from_environment()
    settings.of_account(account_name)
    dsn = settings.dsn(DatabaseRole.TRADER)
    switch(dsn, account_name=account_name)
    if account_name and read_halt_reason(dsn):
        ERR.print(f"account {account_name} stays halted with all others: ./tickhouse trader resume")
        return
    whose = f"account {account_name}" if account_name else "the trader"
    ERR.print(f"{whose} may order again")


@click.command()
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def trace(order_id: str, as_json: bool) -> None:
    """Show all that made order ORDER_ID, and whether the decision follows from it.

    From the order back to decision, signal, book events (topic, partition, offsets), forecast and
    Delta versions. Exits 1 if something does not match.
    """
    from streaming.trader.trace import page
    from streaming.trader.trace.trace import trace as trace_order

    order_trace = trace_order(from_environment(), order_id)
    click.echo(page.render_json(order_trace) if as_json else page.render_page(order_trace))
    sys.exit(0 if order_trace.matches else 1)


@click.group()
def forecast() -> None:
    """List, show, roll back or evaluate the forecasts."""


@forecast.command("list")
def list_forecasts() -> None:
    """List the published forecasts, newest first; `*` marks the one in use.

    Error and coverage are those by which it was admitted, at each distance ahead.
    """
    from include.forecast.forecast_file import current_id, published_manifests

    settings = from_environment()
    folders = [settings.forecasts_of(symbol) for symbol in settings.forecast.all_symbols]
    in_use = {current_id(folder) for folder in folders}
    manifests = [manifest for folder in folders for manifest in published_manifests(folder)]
    rows = [
        (
            "*" if manifest.forecast_id in in_use else "",
            manifest.forecast_id,
            manifest.symbol,
            manifest.trained_until,
            manifest.rows,
            _join_figures((judged.error_ratio for judged in manifest.judged), ".4f"),
            _join_figures((judged.coverage for judged in manifest.judged), ".1%"),
        )
        for manifest in manifests
    ]
    show_rows(LIST_HEADS, rows, form="table")
    horizons = next((manifest.judged for manifest in manifests if manifest.judged), ())
    if horizons:
        ends = ", ".join(str(judged.horizon) for judged in horizons)
        OUT.print(f"figures are of prices up to {ends} minutes ahead", highlight=False)


def _join_figures(figures: Iterable[float | None], form: str) -> str:
    return "  ".join("-" if figure is None else format(figure, form) for figure in figures)


@forecast.command()
@click.option("--symbol", default="", help="BASE-QUOTE; empty: the forecast symbol.")
def show(symbol: str) -> None:
    """Show the manifest of the forecast in use, after checking the file against it."""
    from include.forecast.forecast_file import load_current

    settings = from_environment()
    folder = settings.forecasts_of(symbol or settings.forecast.symbol)
    manifest = load_current(folder).manifest
    click.echo(msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode())


@forecast.command()
@click.option("--symbol", default="", help="BASE-QUOTE; empty: the forecast symbol.")
def rollback(symbol: str) -> None:
    """Use the forecast made before the one in use; the trader picks it up by itself."""
    from include.forecast.forecast_file import rollback as roll_back

    settings = from_environment()
    manifest = roll_back(settings.forecasts_of(symbol or settings.forecast.symbol))
    OUT.print(f"forecast {manifest.forecast_id} is in use again")


@forecast.command()
@click.argument("forecast_id")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the new file here."
)
def reproduce(forecast_id: str, output: Path | None) -> None:
    """Make a published forecast again from the lake as it was, and compare bit for bit.

    Inputs are read at the Delta versions in its manifest, which are kept for
    TICKHOUSE_STREAM_KEEP_HOURS. Exit 1 if the two differ.
    """
    from include.forecast.reproduce import matches_manifest, reproduce_forecast

    manifest, content = reproduce_forecast(from_environment(), forecast_id)
    if output is not None:
        output.write_bytes(content)
    if not matches_manifest(manifest, content):
        raise ForecastError(f"forecast {forecast_id} made again differs from the published file")
    OUT.print(f"the same, bit for bit: {manifest.rows} minutes, sha256 {manifest.sha256}")


@forecast.command()
@click.option("--symbol", default="", help="BASE-QUOTE; empty: the forecast symbol.")
@click.option("--train-days", type=int, help="Days before each origin; empty: configured, 0: all.")
@click.option(
    "--rivals",
    type=click.Choice(["none", "all"]),
    default="none",
    help="all: also statsforecast's AutoETS and DynamicOptimizedTheta (group `bench`).",
)
@click.option("--short-term", is_flag=True, help="The five-minute forecasts, on newest tickers.")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def evaluate(
    symbol: str, train_days: int | None, rivals: str, short_term: bool, as_json: bool
) -> None:
    """Backtest the forecast beside simple ones: errors, side, interval, by minutes ahead.

    Errors are also given as a ratio to the last price's, with a Diebold-Mariano t. Figures are
    written to the table forecast_evaluations, a page and a picture to
    var/WORLD/quality.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime, timedelta

    from include.forecast import evaluation_report
    from include.forecast.recipe import configured_recipe
    from include.forecast.rivals import load_rivals

    settings, now = from_environment(), datetime.now(UTC)
    chosen, run_id = symbol or settings.forecast.symbol, f"evaluate__{now:%Y-%m-%dT%H-%M-%S}"
    if short_term:
        evaluation = evaluation_report.evaluate_short_term(
            settings, symbol=chosen, run_id=run_id, now=now
        )
    else:
        days = settings.forecast.train_days if train_days is None else train_days
        recipe = configured_recipe(settings.forecast)
        evaluation = evaluation_report.evaluate(
            settings,
            evaluation_report.Subject(chosen, None, timedelta(days=days), recipe),
            now=now,
            run_id=run_id,
            rivals=load_rivals() if rivals == "all" else None,
        )
    rows = [asdict(score) for score in evaluation.scores]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=1).decode())
        return
    table_rows = [
        [f"{figure:.5g}" if isinstance(figure, float) else figure for figure in row.values()]
        for row in rows
    ]
    show_rows(tuple(rows[0]), table_rows, form="table")
    OUT.print(evaluation_report.describe_best(evaluation))
