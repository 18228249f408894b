"""The best bid and ask of the main venue's book, with the stream's mid price and imbalance."""

from collections.abc import Mapping, Sequence

from bokeh.models import Range1d

from streaming.dashboard import colours
from streaming.dashboard.columns import GAP, Columns, Points, last_number
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import digits_of, format_number, render_chip, render_heading
from streaming.dashboard.plots import (
    Chart,
    ChartSources,
    add_band,
    add_hover,
    create_level,
    create_plot,
)
from streaming.dashboard.series import BestPrices, MarketSeries
from streaming.dashboard.view import Panel

_NAMES = ("bid", "ask", "mid", "imbalance")
_INVALID = render_chip("book", "invalid until its next snapshot", colour=colours.STALE)


def compute(context: PanelContext) -> Panel:
    """Live while the stream measures a valid book."""
    venue, series = context.main_venue() or ("", MarketSeries(0))
    tops = series.tops.select(context.first_s, context.last_s)
    invalid = bool(tops) and tops[-1][1] is None
    columns = build_lines(
        tops,
        series.mids.select(context.first_s, context.last_s),
        series.imbalances.select(context.first_s, context.last_s),
        step_s=context.step_s,
    )
    unmeasured = series.book_seen_s - series.measure_seen_s > context.stale_s
    limit_s = context.stale_s if unmeasured else None
    freshness = context.venue_freshness(venue, series.measure_seen_s, limit_s=limit_s)
    latest = {name: last_number(values) for name, values in columns.items()}
    mid = latest["mid"] if freshness == "live" and not invalid else None
    html = render_heading(
        f"Mid price and imbalance {venue}",
        freshness=freshness,
        age_s=context.age_s(series.measure_seen_s),
        value=f"{format_number(mid)} {context.currency}" if mid else "",
        chips=_chips(latest, venue) if mid else [_INVALID] if invalid else [],
        waiting_for=f"the stream has measured no order book of {context.symbol} yet",
    )
    return Panel(html, {"book": columns}, freshness)


def build_lines(
    tops: Sequence[tuple[int, BestPrices | None]], mids: Points, imbalances: Points, *, step_s: int
) -> Columns:
    """Columns x (ms), bid, ask, mid, imbalance: the last value of each step.

    Broken where the book was invalid (a top of None) and where a value was not reported.
    """
    steps: dict[int, dict[str, float]] = {}
    for name, points in (("mid", mids), ("imbalance", imbalances)):
        for second, value in points:
            steps.setdefault(second // step_s, {}).update({"x": second * 1000.0, name: value})
    for second, top in tops:
        step = steps.setdefault(second // step_s, {})
        step["x"] = max(step.get("x", 0.0), second * 1000.0)
        step |= {"bid": top.bid, "ask": top.ask} if top else {}
        step["invalid"] = float(top is None)
    ordered = [steps[index] for index in sorted(steps)]
    columns: Columns = {"x": [step["x"] for step in ordered]}
    for name in _NAMES:
        columns[name] = [GAP if step.get("invalid") else step.get(name, GAP) for step in ordered]
    return columns


def _chips(latest: Mapping[str, float | None], venue: str) -> list[str]:
    bid, ask, imbalance, chips = latest["bid"], latest["ask"], latest["imbalance"], []
    if bid is not None and ask is not None:
        spread = format_number(ask - bid, digits=digits_of(bid))
        chips.append(render_chip("spread", spread, colour=colours.venue_colour(venue)))
    if imbalance is not None:
        chips.append(render_chip("imbalance", f"{imbalance:+.2f}", colour=colours.INK))
    return chips


def figure(sources: ChartSources) -> Chart:
    """The mid price between bid and ask; the imbalance below."""
    source = sources.create("book", "x", *_NAMES)
    prices = create_plot(170, times=sources.times, label="mid price")
    add_band(prices, source, "bid", "ask", colours.INK)
    mid = prices.line("x", "mid", source=source, line_color=colours.EQUITY, line_width=1.6)
    labels = [("mid", "@mid{0,0.00}"), ("bid", "@bid{0,0.00}"), ("ask", "@ask{0,0.00}")]
    add_hover(prices, mid, labels)
    imbalances = create_plot(
        120,
        times=sources.times,
        label="imbalance",
        number_format="0.0",
        y_range=Range1d(start=-1.05, end=1.05),
    )
    imbalances.add_layout(create_level(0))
    steps = imbalances.step(
        "x", "imbalance", source=source, line_color=colours.FORECAST, mode="after"
    )
    add_hover(imbalances, steps, [("imbalance", "@imbalance{+0.00}")])
    return Chart([prices, imbalances])
