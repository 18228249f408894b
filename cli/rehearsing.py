"""Verbs that run the trader on what was recorded: backtest over the lake, replay over a tape."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cli.console import ERR, OUT, show_rows
from include.errors import SettingsError
from include.settings import Settings, from_environment

if TYPE_CHECKING:
    from streaming.trader.showing import Shown

_SECOND_US = 1_000_000


def _time(_context: Any, _parameter: Any, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no ISO time, such as 2018-04-24T05:15") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _shared(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The sums, machine-readable."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for the results."),
        click.option("--rule", help="forecast_and_ratio or imbalance_and_mid; else the setting."),
        click.option("--symbol", help="Symbol to trade; else the setting."),
        click.option("--venue", help="Venue to trade at; else the setting."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--from", "first", required=True, callback=_time, help="First window (ISO, UTC).")
@click.option("--to", "last", required=True, callback=_time, help="End (ISO, UTC), not included.")
@_shared
def backtest(
    first: datetime, last: datetime, as_json: bool, out: Path | None, **chosen: str | None
) -> None:
    """Run the trader's own strategy over this world's Delta tables.

    Signals, best prices and forecasts are those of the lake; orders fill on paper. Writes
    decisions.jsonl, equity.csv and equity.png, and prints the score beside buy and hold.
    """
    from streaming.trader.brokers import PaperBroker
    from streaming.trader.lake_moments import LakeSpan
    from streaming.trader.rehearsal import rehearse, trader_of
    from streaming.trader.showing import show

    settings = _chosen(**chosen)
    if first >= last:
        raise SettingsError(f"--from {first:%Y-%m-%d %H:%M} is not before --to")
    span = LakeSpan(settings, first=first, last=last)
    steps = rehearse(
        span.moments(),
        trader=trader_of(settings),
        in_force=span.in_force,
        broker=PaperBroker(settings.trader.fee_bps),
    )
    name = f"{first:%Y%m%dT%H%M}-{last:%Y%m%dT%H%M}"
    folder = out or settings.home / "backtests" / f"{name}-{settings.trader.rule}"
    _tell(show(steps, settings, folder=folder, title=_title("backtest", settings)), as_json)


@click.command()
@click.option(
    "--tape",
    required=True,
    type=click.Path(path_type=Path),
    help="A tape (PATH of PATH.jsonl.gz), or a folder of them.",
)
@click.option(
    "--forecasts",
    type=click.Path(path_type=Path),
    help="Folder of published forecasts; else this world's.",
)
@_shared
def replay(
    tape: Path, forecasts: Path | None, as_json: bool, out: Path | None, **chosen: str | None
) -> None:
    """Run the trader's own strategy over recorded frames; nothing need be up.

    Decoder, windows and strategy are those of the running platform, so the decisions are the same
    to the bit. Writes decisions.jsonl, equity.csv and equity.png, and prints the score.
    """
    from streaming.trader.brokers import PaperBroker
    from streaming.trader.forecasts import PublishedForecasts
    from streaming.trader.rehearsal import rehearse, trader_of
    from streaming.trader.showing import show
    from streaming.trader.tapes import moments_of_tapes, tapes_in

    settings = _chosen(**chosen)
    tapes = tapes_in(tape)
    known = PublishedForecasts(forecasts or settings.forecasts, symbol=settings.trader.symbol)
    steps = rehearse(
        moments_of_tapes(tapes, settings),
        trader=trader_of(settings),
        in_force=known.in_force,
        broker=PaperBroker(settings.trader.fee_bps),
    )
    folder = out or settings.home / "replays" / f"{tape.name}-{settings.trader.rule}"
    _tell(show(steps, settings, folder=folder, title=_title(tape.name, settings)), as_json)


def _chosen(**chosen: str | None) -> Settings:
    settings = from_environment()
    named = {name: value for name, value in chosen.items() if value}
    return replace(settings, trader=replace(settings.trader, **named))  # type: ignore[arg-type]


def _title(what: str, settings: Settings) -> str:
    trader = settings.trader
    return f"{trader.rule} on {trader.symbol} at {trader.venue}, {what}"


def _tell(shown: "Shown", as_json: bool) -> None:
    found = shown.performance
    if as_json:
        sums = msgspec.structs.asdict(found) | {"digest": shown.digest, "folder": str(shown.folder)}
        click.echo(msgspec.json.format(msgspec.json.encode(sums)).decode())
        return
    trips = [
        (
            datetime.fromtimestamp(at // _SECOND_US, UTC),
            score.quantity,
            score.buy_price,
            score.sell_price,
            score.profit,
            score.cumulative_profit,
        )
        for at, score in shown.ledger.scores
    ]
    columns = ("sold at", "quantity", "bought for", "sold for", "profit", "of all trips")
    if trips:
        show_rows(columns, trips, form="table")
    ratio = f"{found.won} of {found.trips} round trips won"
    show_rows(
        ("what", "value"),
        [
            ("decisions", found.decisions),
            ("orders", found.orders),
            ("trips", ratio),
            ("fees", found.fees),
            ("profit of the trips", found.profit),
            ("account is worth", found.equity),
            ("buy and hold is worth", found.hold),
            ("account beside it", found.beside_hold),
            ("largest fall", found.largest_fall),
            ("decision log", shown.digest),
        ],
        form="table",
    )
    if not found.decisions:
        ERR.print("there was no signal to decide on")
    OUT.print(f"decisions, curve and picture: {shown.folder}", highlight=False, soft_wrap=True)
