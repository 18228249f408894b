"""Verbs that run the trader on what was recorded: backtest over the lake, replay over a tape."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cli.console import ERR, OUT, show_rows
from include.errors import SettingsError
from include.market.time import SECOND_US, parse_iso_time
from include.settings import Settings, from_environment, override
from include.settings.trader_accounts import PREFIX as TRADER

if TYPE_CHECKING:
    from include.market.events import Message
    from streaming.trader.config import TraderConfig
    from streaming.trader.rehearsal.report import RehearsalReport


def _parse_time(_context: Any, _parameter: Any, text: str) -> datetime:
    try:
        return parse_iso_time(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _add_options(verb: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The sums, machine-readable."),
        click.option("--out", type=click.Path(path_type=Path), help="Folder for the results."),
        click.option("--rule", help="One of docs/trading.md; else the setting."),
        click.option("--symbol", help="Symbol to trade; else the setting."),
        click.option("--venue", help="Venue to trade at; else the setting."),
        click.option("--account", help="One of the trader's accounts; else the first."),
    ):
        verb = option(verb)
    return verb


@click.command()
@click.option(
    "--from", "start_at", required=True, callback=_parse_time, help="First window (ISO, UTC)."
)
@click.option(
    "--to", "end_at", required=True, callback=_parse_time, help="End (ISO, UTC), not included."
)
@click.option(
    "--sweep",
    "sweeps",
    multiple=True,
    metavar="SETTING=A,B,C",
    help="Try these values of a trader's setting, such as ratio_high=1,2; all combinations.",
)
@click.option(
    "--folds", type=click.IntRange(min=2), default=4, show_default=True, help="Of a sweep's walk."
)
@_add_options
def backtest(
    start_at: datetime,
    end_at: datetime,
    as_json: bool,
    out: Path | None,
    sweeps: tuple[str, ...],
    folds: int,
    **overrides: str | None,
) -> None:
    """Run the trader's own strategy over this world's Delta tables.

    Signals, best prices and forecasts are those of the lake; orders fill on paper. Writes
    decisions.jsonl, equity.csv and equity.png, and prints the score beside buy and hold. With
    --sweep it prints a row for each combination of settings, and a walk forward: the combination
    that was best before each fold of the span, and what it earned in the fold.
    """
    if sweeps:
        from cli.sweeping import sweep_lake

        settings = _settings_with(**overrides)
        _check_span(start_at, end_at)
        sweep_lake(settings, sweeps, start_at=start_at, end_at=end_at, folds=folds, as_json=as_json)
        return
    from streaming.trader.config import TraderConfig
    from streaming.trader.rehearsal.fees import FeeComparison
    from streaming.trader.rehearsal.lake import LakeSpan
    from streaming.trader.rehearsal.rehearse import rehearse
    from streaming.trader.rehearsal.report import write_report

    settings = _settings_with(**overrides)
    _check_span(start_at, end_at)
    span = LakeSpan(settings, start_at=start_at, end_at=end_at)
    config = TraderConfig.from_settings(settings)
    earlier = span.recent_prices()
    at_fees = FeeComparison(config, in_force=span.in_force, recent_prices=earlier)
    moments = at_fees.watch(span.moments())
    steps = rehearse(moments, config, in_force=span.in_force, recent_prices=earlier)
    name = f"{start_at:%Y%m%dT%H%M}-{end_at:%Y%m%dT%H%M}"
    folder = out or settings.home / "backtests" / f"{name}-{config.rule}"
    title = _make_title("backtest", config)
    report = write_report(steps, config, folder=folder, title=title)
    _print_report(report, as_json, title=title, profits=at_fees.profits())


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
@_add_options
def replay(
    tape: Path, forecasts: Path | None, as_json: bool, out: Path | None, **overrides: str | None
) -> None:
    """Run the trader's own strategy over recorded frames; no service has to run.

    Decoder, windows and strategy are those of the running platform, so the decisions are the same
    to the bit. Writes decisions.jsonl, equity.csv, equity.png and ledger.jsonl (the recorded
    connections and their holes), and prints the score.
    """
    from streaming.trader.config import TraderConfig
    from streaming.trader.forecasts import PublishedForecasts
    from streaming.trader.rehearsal.fees import FeeComparison
    from streaming.trader.rehearsal.rehearse import rehearse
    from streaming.trader.rehearsal.report import write_ledger, write_report
    from streaming.trader.rehearsal.tapes import moments_of_tapes, tapes_in

    settings = _settings_with(**overrides)
    tapes = tapes_in(tape)
    published = PublishedForecasts(
        forecasts or settings.forecasts_of(settings.trader.symbol), symbol=settings.trader.symbol
    )
    config = TraderConfig.from_settings(settings)
    at_fees = FeeComparison(config, in_force=published.in_force)
    ledger: list[Message] = []
    moments = at_fees.watch(moments_of_tapes(tapes, settings, ledger=ledger.append))
    steps = rehearse(moments, config, in_force=published.in_force)
    folder = out or settings.home / "replays" / f"{tape.name}-{config.rule}"
    title = _make_title(tape.name, config)
    report = write_report(steps, config, folder=folder, title=title)
    write_ledger(ledger, folder=folder)
    _print_report(report, as_json, title=title, profits=at_fees.profits())


def _check_span(start_at: datetime, end_at: datetime) -> None:
    if start_at >= end_at:
        raise SettingsError(f"--from {start_at:%Y-%m-%d %H:%M} is not before --to")


def _settings_with(**overrides: str | None) -> Settings:
    account_name = overrides.pop("account", None) or ""
    trader = {f"{TRADER}{name.upper()}": text for name, text in overrides.items() if text}
    return override(from_environment().of_account(account_name), trader)


def _make_title(source: str, config: "TraderConfig") -> str:
    return f"{config.rule} on {config.symbol} at {config.venue}, {source}"


def _print_report(
    report: "RehearsalReport", as_json: bool, *, title: str, profits: dict[Decimal, Decimal]
) -> None:
    performance = report.performance
    if as_json:
        sums = msgspec.structs.asdict(performance)
        sums |= {"digest": report.digest, "folder": str(report.folder)}
        sums["profit_at_fee_bps"] = {f"{fee_bps:f}": profit for fee_bps, profit in profits.items()}
        click.echo(msgspec.json.format(msgspec.json.encode(sums)).decode())
        return
    trips = [
        (
            datetime.fromtimestamp(time_us // SECOND_US, UTC),
            score.quantity,
            score.buy_price,
            score.sell_price,
            score.profit,
            score.cumulative_profit,
        )
        for time_us, score in report.curve.scores
    ]
    columns = ("sold at", "quantity", "bought for", "sold for", "profit", "of all trips")
    if trips:
        show_rows(columns, trips, form="table")
    show_rows(
        ("what", "value"),
        [
            ("decisions", performance.decisions),
            ("orders", performance.orders),
            ("trips", f"{performance.won} of {performance.trips} round trips won"),
            ("fees", performance.fees),
            ("turnover", performance.turnover),
            ("profit of the trips", performance.profit),
            ("account is worth", performance.equity),
            ("buy and hold is worth", performance.hold),
            ("account beside it", performance.beside_hold),
            ("max drawdown", performance.max_drawdown),
            ("decision log", report.digest),
        ],
        form="table",
    )
    show_rows(("fee, basis points", "profit of the account"), list(profits.items()), form="table")
    if not performance.decisions:
        ERR.print(f"there was no signal to decide on: {title}")
    OUT.print(f"decisions, curve and picture: {report.folder}", highlight=False, soft_wrap=True)
