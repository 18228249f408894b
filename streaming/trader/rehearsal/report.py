"""What a backtest or replay leaves in a folder: decisions, the curve as a table and a picture."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from include.atomic_files import write_file
from include.market.events import Message
from include.market.time import from_epoch_us
from include.trading.decision_log import digest, log_line
from include.trading.performance import EquityCurve, EquityPoint, Performance
from streaming.trader.config import TraderConfig
from streaming.trader.rehearsal.rehearse import Step

DECISIONS, CURVE, PICTURE = "decisions.jsonl", "equity.csv", "equity.png"
LEDGER = "ledger.jsonl"
_COLUMNS = ("at", *EquityPoint.__struct_fields__[1:])


class RehearsalReport(NamedTuple):
    """The sums, the digest of the decision log, and the folder that has the rest."""

    performance: Performance
    digest: str
    curve: EquityCurve
    folder: Path


def write_report(
    steps: Iterable[Step], config: TraderConfig, *, folder: Path, title: str
) -> RehearsalReport:
    """Take every step, write the three files into the folder, and give the sums."""
    curve, log_lines = EquityCurve(config.start, fee_bps=config.parameters.fee_bps), []
    for step in steps:
        log_lines.append(log_line(step.decision))
        curve.take(
            step.decision,
            at_us=step.at,
            top=step.top,
            account=step.account,
            fills=step.fills,
            score=step.score,
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / DECISIONS, "".join(f"{text}\n" for text in log_lines))
    _write_table(folder / CURVE, curve.points)
    _, _, quote = config.symbol.partition("-")
    _draw(folder / PICTURE, curve.points, title=title, quote=quote)
    return RehearsalReport(curve.performance(), digest(log_lines), curve, folder)


def write_ledger(messages: Sequence[Message], *, folder: Path) -> None:
    """Write the entries of the feed ledger, one a line, into the folder."""
    rows = [
        {"at": from_epoch_us(message.received_time).isoformat(), "conn": message.conn}
        | msgspec.structs.asdict(entry)
        for message in messages
        for entry in message.events
    ]
    lines = "".join(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
    write_file(folder / LEDGER, lines)


def _write_table(path: Path, curve: Sequence[EquityPoint]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for point in curve:
        cells = [getattr(point, name) for name in _COLUMNS[1:]]
        texts = [cell if isinstance(cell, str) else f"{cell:f}" for cell in cells]
        writer.writerow([from_epoch_us(point.at).isoformat(), *texts])
    write_file(path, table.getvalue())


def _draw(path: Path, curve: Sequence[EquityPoint], *, title: str, quote: str) -> None:
    """The account beside buy and hold above, the best bid with buys and sales below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    times = [from_epoch_us(point.at) for point in curve]
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot(times, [float(point.equity) for point in curve], label="account", lw=1.6)
    above.plot(times, [float(point.hold) for point in curve], label="buy and hold", ls="--")
    above.set(title=title, ylabel=f"worth, {quote}")
    above.legend(loc="best")
    below.plot(times, [float(point.bid) for point in curve], color="grey", lw=1, label="best bid")
    for action, marker, colour in (("buy", "^", "tab:green"), ("sell", "v", "tab:red")):
        marks = [
            (at, float(point.bid))
            for at, point in zip(times, curve, strict=True)
            if point.action == action
        ]
        below.plot(
            [at for at, _ in marks],
            [price for _, price in marks],
            marker,
            color=colour,
            ls="",
            label=action,
        )
    below.set(xlabel="market time, UTC", ylabel=quote)
    below.legend(loc="best")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format="png")
    write_file(path, picture.getvalue())
