"""Trades and volume per minute, buys above and sells below the line."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bokeh.models import ColumnDataSource, CustomJSTickFormatter

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns
from streaming.dashboard.freshness import best_freshness
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.view import Panel, PanelContext

_SUMS = ("buys", "sells", "buy_base", "sell_base", "buy_quote", "sell_quote")
_BELOW = ("sells", "sell_base")
_UNDER_WAY, _COMPLETE = 0.45, 0.9
_BAR_MS = 46_000
_UNSIGNED = "return Math.abs(tick).toLocaleString('en')"


def compute(context: PanelContext) -> Panel:
    """The trades of all venues; they stay true while a feed lives."""
    venues = context.venues()
    bars = build_bars(
        [series.minutes.flows for series in venues.values()],
        first=context.first_s // 60 + 1,
        last=context.last_s // 60,
    )
    seen_s = max((series.trade_seen_s for series in venues.values()), default=0.0)
    freshness = best_freshness(
        context.venue_freshness(venue, series.trade_seen_s, limit_s=math.inf)
        for venue, series in venues.items()
    )
    html = render_heading(
        "Trades and volume a minute",
        freshness=freshness,
        age_s=context.age_s(seen_s),
        chips=_chips(bars, context.symbol.partition("-")[0]) if bars["x"] else [],
        waiting_for=f"waiting for a trade of {context.symbol}",
    )
    return Panel(html, {"flow": bars}, freshness)


def build_bars(venues: Iterable[Mapping[int, TradeFlow]], *, first: int, last: int) -> Columns:
    """Sums over the venues for each minute (since the epoch) from `first` to `last` with trades.

    Columns: x (ms, the minute's middle), the six sums, `down_…` (sells below zero), and `alpha`,
    fainter for the last minute, which is still under way.
    """
    totals: dict[int, dict[str, float]] = {}
    for flows in venues:
        for minute, flow in flows.items():
            if first <= minute <= last:
                sums = totals.setdefault(minute, dict.fromkeys(_SUMS, 0.0))
                for name in _SUMS:
                    sums[name] += float(getattr(flow, name))
    minutes = sorted(totals)
    columns: Columns = {
        "x": [minute * 60_000.0 + 30_000.0 for minute in minutes],
        "alpha": [_UNDER_WAY if minute == last else _COMPLETE for minute in minutes],
    }
    for name in _SUMS:
        columns[name] = [totals[minute][name] for minute in minutes]
    for name in _BELOW:
        columns[f"down_{name}"] = [-total for total in columns[name]]
    return columns


def _chips(bars: Columns, base: str) -> list[str]:
    chips = []
    for side, position, colour in (("buy", "above", colours.BUY), ("sell", "below", colours.SELL)):
        count, volume = bars[f"{side}s"][-1], bars[f"{side}_base"][-1]
        text = f"{count:.0f} · {format_number(volume, digits=4)} {base} this minute"
        chips.append(render_chip(f"{side} ({position})", text, colour=colour))
    return chips


def figure(sources: ChartSources) -> Chart:
    """Counts above, volumes below."""
    source = sources.create("flow", "x", "alpha", *_SUMS, *(f"down_{name}" for name in _BELOW))
    return Chart(
        [
            _bar_plot(sources, source, "buys", "down_sells", label="trades"),
            _bar_plot(sources, source, "buy_base", "down_sell_base", label="volume"),
        ]
    )


def _bar_plot(
    sources: ChartSources, source: ColumnDataSource, up: str, down: str, *, label: str
) -> Any:
    plot = create_plot(145, times=sources.times, label=label)
    plot.yaxis.formatter = CustomJSTickFormatter(code=_UNSIGNED)
    buys, _ = (
        plot.vbar(
            "x",
            width=_BAR_MS,
            top=column,
            source=source,
            fill_color=colour,
            fill_alpha="alpha",
            line_color=None,
        )
        for column, colour in ((up, colours.BUY), (down, colours.SELL))
    )
    plot.add_layout(create_level(0))
    labels = [
        ("buys", "@buys{0,0} · @buy_base{0,0.0000}"),
        ("sells", "@sells{0,0} · @sell_base{0,0.0000}"),
        ("in quote units", "@buy_quote{0,0} / @sell_quote{0,0}"),
    ]
    add_hover(plot, buys, labels)
    return plot
