"""Numbers and ages as text, and the HTML of panel headings. All text is escaped."""

from collections.abc import Iterable
from html import escape

from streaming.dashboard.freshness import Freshness

NO_DATA = "no data"
_CENTS_FROM = 10
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def format_number(number: float, *, digits: int | None = None) -> str:
    """A price with thousands separators; cents, or more digits below 10."""
    decimals = digits_of(number) if digits is None else digits
    return f"{number:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def digits_of(price: float) -> int:
    """Decimals to show for a price of this size, and for differences of such prices."""
    return 2 if abs(price) >= _CENTS_FROM or price == 0 else 4


def format_age(seconds: float) -> str:
    """`8 s`, `5 min`, `3 h` or `2 d`: complete units, rounded down."""
    complete = max(0, int(seconds))
    for unit_s, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if complete >= 2 * unit_s:
            return f"{complete // unit_s} {name}"
    return f"{complete} s"


def render_heading(
    title: str,
    *,
    freshness: Freshness,
    age_s: float,
    value: str = "",
    chips: Iterable[str] = (),
    waiting_for: str = "",
) -> str:
    """A panel's heading: title, value, a badge with its age; without data what it waits for."""
    age = format_age(age_s)
    badges = {"live": age, "stale": f"stale {age}", "none": NO_DATA, "past": "past"}
    badge = badges[freshness]
    has_value = value and freshness != "none"
    large = f'<span class="value">{escape(value)}</span>' if has_value else ""
    empty = f'<div class="empty"><b>{NO_DATA}</b>{escape(waiting_for)}</div>'
    return (
        f'<div class="head {freshness}"><h2>{escape(title)}</h2>{large}'
        f'<span class="age">{escape(badge)}</span></div>'
        f'<div class="chips">{"".join(chips)}</div>{empty if freshness == "none" else ""}'
    )


def render_chip(
    text: str, value: str, *, colour: str, excluded: str = "", dashed: bool = False
) -> str:
    """A legend entry with its present value; grey, with the reason, when it is `excluded`."""
    kind = " ".join(["chip", *(["stale"] if excluded else []), *(["dashed"] if dashed else [])])
    reason = f'<i class="ago">{escape(excluded)}</i>' if excluded else ""
    return (
        f'<span class="{kind}"><i class="dot" style="--dot:{colour}"></i>{escape(text)} '
        f"<b>{escape(value)}</b>{reason}</span>"
    )
