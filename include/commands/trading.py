"""Verbs about the trader and what it acts on: trader, trace, forecast."""

import sys

import click
import msgspec

from include.console import ERR, OUT, show_rows
from include.settings import from_environment


@click.group()
def trader() -> None:
    """Halt the trader, or let it go on."""


@trader.command()
@click.option("--reason", default="by hand", show_default=True, help="Kept with the switch.")
def halt(reason: str) -> None:
    """Stop all new orders until `resume`; it survives restarts. Decisions go on, as holds."""
    from include.serving.journal import halt as switch

    switch(from_environment().dsn(), reason)
    ERR.print("the trader is halted: every decision holds until ./tickhouse trader resume")


@trader.command()
def resume() -> None:
    """Let a halted trader order again."""
    from include.serving.journal import resume as switch

    switch(from_environment().dsn())
    ERR.print("the trader may order again")


@click.command()
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="The machine-readable form.")
def trace(order_id: str, as_json: bool) -> None:
    """Show all that made order ORDER_ID, and whether the decision follows from it.

    From the order back to decision, signal, book events (topic, partition, offsets), forecast and
    Delta versions. Exits 1 if something does not match.
    """
    from streaming.trader.trace import as_json as text
    from streaming.trader.trace import page
    from streaming.trader.trace import trace as traced

    found = traced(from_environment(), order_id)
    click.echo(text(found) if as_json else page(found))
    sys.exit(0 if found.matches else 1)


@click.group()
def forecast() -> None:
    """List, show or roll back the published forecasts."""


@forecast.command("list")
def list_forecasts() -> None:
    """List the published forecasts, newest first; `*` marks the one in use."""
    from include.forecast.forecast_file import current_id, published

    folder = from_environment().forecasts
    now = current_id(folder)
    columns = ("", "forecast", "symbol", "trained until", "rows", "error", "naive error")
    rows = [
        ("*" if one.forecast_id == now else "", one.forecast_id, one.symbol, one.trained_until,
         one.rows, one.metrics.get("mae"), one.metrics.get("naive_mae"))
        for one in published(folder)
    ]  # fmt: skip
    show_rows(columns, rows, form="table")


@forecast.command()
def show() -> None:
    """Show the manifest of the forecast in use, after checking the file against it."""
    from include.forecast.forecast_file import load_current

    found = load_current(from_environment().forecasts)
    click.echo(msgspec.json.format(msgspec.json.encode(found.manifest), indent=1).decode())


@forecast.command()
def rollback() -> None:
    """Use the forecast made before the one in use; the trader picks it up by itself."""
    from include.forecast.forecast_file import rollback as back

    OUT.print(f"forecast {back(from_environment().forecasts).forecast_id} is in use again")
