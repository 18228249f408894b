"""What a backtest or replay leaves in a folder: decisions, the curve as a table and a picture."""

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from include.settings import Settings
from include.trading.account import Account
from include.trading.decision_log import digest, line
from include.trading.performance import Ledger, Performance, Point
from streaming.trader.rehearsal import Step

DECISIONS, CURVE, PICTURE = "decisions.jsonl", "equity.csv", "equity.png"
_COLUMNS = ("at", *Point.__struct_fields__[1:])
_SECOND_US = 1_000_000


class Shown(NamedTuple):
    """The sums, the digest of the decision log, and the folder that has the rest."""

    performance: Performance
    digest: str
    ledger: Ledger
    folder: Path


def show(steps: Iterable[Step], settings: Settings, *, folder: Path, title: str) -> Shown:
    """Take every step, write the three files into the folder, and give the sums."""
    start = Account(quote=settings.trader.start_quote)
    ledger, lines = Ledger(start, fee_bps=settings.trader.fee_bps), []
    for step in steps:
        lines.append(line(step.decision))
        ledger.take(
            step.decision,
            at=step.at,
            top=step.top,
            account=step.account,
            fills=step.fills,
            score=step.score,
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DECISIONS).write_text("".join(f"{one}\n" for one in lines))
    _table(folder / CURVE, ledger.points)
    _, _, quote = settings.trader.symbol.partition("-")
    _picture(folder / PICTURE, ledger.points, title=title, quote=quote)
    return Shown(ledger.performance(), digest(lines), ledger, folder)


def _table(path: Path, points: Sequence[Point]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for point in points:
            told = [getattr(point, name) for name in _COLUMNS[1:]]
            numbers = [one if isinstance(one, str) else f"{one:f}" for one in told]
            writer.writerow([_time(point.at).isoformat(), *numbers])


def _picture(path: Path, points: Sequence[Point], *, title: str, quote: str) -> None:
    """The account beside buy and hold above, the best bid with what was done below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    times = [_time(point.at) for point in points]
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot(times, [float(point.equity) for point in points], label="account", lw=1.6)
    above.plot(times, [float(point.hold) for point in points], label="buy and hold", ls="--")
    above.set(title=title, ylabel=f"worth, {quote}")
    above.legend(loc="best")
    below.plot(times, [float(point.bid) for point in points], color="grey", lw=1, label="best bid")
    for action, mark, colour in (("buy", "^", "tab:green"), ("sell", "v", "tab:red")):
        done = [
            (at, float(point.bid))
            for at, point in zip(times, points, strict=True)
            if point.action == action
        ]
        below.plot(
            [at for at, _ in done],
            [price for _, price in done],
            mark,
            color=colour,
            ls="",
            label=action,
        )
    below.set(xlabel="market time, UTC", ylabel=quote)
    below.legend(loc="best")
    figure.savefig(path, dpi=110)


def _time(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // _SECOND_US, UTC).replace(
        microsecond=micros % _SECOND_US
    )
