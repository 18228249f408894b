"""Words and numbers as HTML: the head of each panel, the tiles, the trips. All text is escaped."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from include.market.events import Score
from streaming.dashboard.panels.ages import Status, age
from streaming.dashboard.panels.tiles import Tile
from streaming.dashboard.trading import Dated

NO_DATA = "no data"
_CENTS_FROM = 10


def number(value: float, *, digits: int | None = None) -> str:
    """A price with thousands separators; cents, or more digits below 10."""
    places = digits_of(value) if digits is None else digits
    return f"{value:,.{places}f}".replace("-", "\N{MINUS SIGN}")


def digits_of(price: float) -> int:
    """Decimals that a price of this size, and differences of such prices, are shown with."""
    return 2 if abs(price) >= _CENTS_FROM or price == 0 else 4


def head(
    title: str,
    *,
    state: Status,
    old: float,
    value: str = "",
    chips: Iterable[str] = (),
    waiting: str = "",
) -> str:
    """A panel's head: title, value, badge with its age; what it waits for when it has nothing."""
    badge = {"live": age(old), "stale": f"stale {age(old)}", "none": NO_DATA}[state]
    shown = f'<span class="value">{escape(value)}</span>' if value and state != "none" else ""
    row = "".join(chips)
    empty = f'<div class="empty"><b>{NO_DATA}</b>{escape(waiting)}</div>'
    return (
        f'<div class="head {state}"><h2>{escape(title)}</h2>{shown}'
        f'<span class="age">{escape(badge)}</span></div>'
        f'<div class="chips">{row}</div>{empty if state == "none" else ""}'
    )


def chip(text: str, value: str, *, colour: str, out: str = "", dashed: bool = False) -> str:
    """A legend entry with its present value; grey, and with the reason, when `out` says one."""
    kind = " ".join(["chip", *(["stale"] if out else []), *(["dashed"] if dashed else [])])
    why = f'<i class="ago">{escape(out)}</i>' if out else ""
    return (
        f'<span class="{kind}"><i class="dot" style="--dot:{colour}"></i>{escape(text)} '
        f"<b>{escape(value)}</b>{why}</span>"
    )


def strip(tiles: Sequence[Tile]) -> str:
    """The tiles."""
    cells = (
        f'<div class="tile {tile.tone}"><span class="label">{escape(tile.label)}</span>'
        f'<span class="figure">{escape(tile.value)}</span>'
        f'<span class="detail">{escape(tile.detail)}</span></div>'
        for tile in tiles
    )
    return f'<div class="strip">{"".join(cells)}</div>'


def _held(score: Score) -> str:
    """What buy and hold had earned by then; trades of an earlier version don't say."""
    if score.hold_profit is None:
        return "\N{EN DASH}"
    return number(float(score.hold_profit), digits=2)


def trips(scores: Sequence[Dated], *, currency: str, most: int = 5) -> str:
    """The last trips as a table: sold when, bought and sold at, profit; all so far, and holding."""
    rows = []
    for dated in list(scores)[: -most - 1 : -1]:
        score = dated.fact
        assert isinstance(score, Score)
        at = datetime.fromtimestamp(dated.at / 1_000_000, UTC)
        sign = "up" if score.profit > 0 else "down"
        rows.append(
            f"<tr><td>{at:%H:%M}</td><td>{number(float(score.buy_price))}</td>"
            f"<td>{number(float(score.sell_price))}</td>"
            f'<td class="{sign}">{number(float(score.profit), digits=2)}</td>'
            f"<td>{number(float(score.cumulative_profit), digits=2)}</td>"
            f"<td>{_held(score)}</td></tr>"
        )
    if not rows:
        return '<p class="none">No trip is finished yet: a trip is a buy and the sale after it.</p>'
    names = ("sold", "bought at", "sold at", f"profit {currency}", "of all trips", "buy and hold")
    heads = "".join(f"<th>{name}</th>" for name in names)
    return f'<table class="trips"><tr>{heads}</tr>{"".join(rows)}</table>'
