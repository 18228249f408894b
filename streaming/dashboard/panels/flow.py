"""Trades and volume per minute or step, buys above and sells below the line, and their net."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bokeh.models import ColumnDataSource, CustomJSTickFormatter

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns
from streaming.dashboard.context import PanelContext
from streaming.dashboard.freshness import best_freshness
from streaming.dashboard.html import format_age, format_number, render_chip, render_heading
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.view import Panel

_FORCED = ("forced_buy_base", "forced_sell_base")
_SUMS = ("buys", "sells", "buy_base", "sell_base", "buy_quote", "sell_quote", *_FORCED)
_BELOW = ("sells", "sell_base")
_UNDER_WAY, _COMPLETE = 0.45, 0.9
_BAR_SHARE = 46 / 60
_NET = ("net_buys", "net_sells")
_TITLE = "Trades and volume a minute"
_UNSIGNED = "return Math.abs(tick).toLocaleString('en')"


def compute(context: PanelContext) -> Panel:
    """The trades of all venues; they stay true while a feed lives."""
    venues = context.venues()
    bars = build_bars(
        [series.minutes.flows for series in venues.values()],
        first=context.first_bar,
        last=context.last_s // 60,
        step_s=context.bar_s,
    )
    seen_s = max((series.trade_seen_s for series in venues.values()), default=0.0)
    freshness = best_freshness(
        context.venue_freshness(venue, series.trade_seen_s, limit_s=math.inf)
        for venue, series in venues.items()
    )
    html = render_heading(
        f"Trades and volume in {format_age(context.bar_s)}" if context.is_past else _TITLE,
        freshness=freshness,
        age_s=context.age_s(seen_s),
        chips=_chips(context, bars) if bars["x"] else [],
        waiting_for=f"waiting for a trade of {context.symbol}",
    )
    return Panel(html, {"flow": bars}, freshness)


def build_bars(
    venues: Iterable[Mapping[int, TradeFlow]], *, first: int, last: int, step_s: int = 60
) -> Columns:
    """Sums over the venues for each minute (since the epoch) from `first` to `last` with trades.

    Columns: x (ms, the middle of the step), its width (ms), the sums, `down_…` (sells below
    zero), `net_buys` and `net_sells` (buys minus sells in base units, above or below zero), and
    `alpha`, fainter for the last minute, which is still under way.
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
        "x": [minute * 60_000.0 + step_s * 500.0 for minute in minutes],
        "width": [step_s * 1000.0 * _BAR_SHARE] * len(minutes),
        "alpha": [_UNDER_WAY if minute == last else _COMPLETE for minute in minutes],
    }
    for name in _SUMS:
        columns[name] = [totals[minute][name] for minute in minutes]
    for name in _BELOW:
        columns[f"down_{name}"] = [-total for total in columns[name]]
    pairs = zip(columns["buy_base"], columns["sell_base"], strict=True)
    net = [buys - sells for buys, sells in pairs]
    columns["net_buys"] = [max(amount, 0.0) for amount in net]
    columns["net_sells"] = [min(amount, 0.0) for amount in net]
    return columns


def _chips(context: PanelContext, bars: Columns) -> list[str]:
    """Counts and volumes of the minute under way; of all of a span of the past."""
    base, first = context.symbol.partition("-")[0], 0 if context.is_past else -1
    when = "in all" if context.is_past else "this minute"
    chips, volumes = [], []
    for side, position, colour in (("buy", "above", colours.BUY), ("sell", "below", colours.SELL)):
        count, volume = sum(bars[f"{side}s"][first:]), sum(bars[f"{side}_base"][first:])
        text = f"{count:,.0f} · {format_number(volume, digits=4)} {base} {when}"
        chips.append(render_chip(f"{side} ({position})", text, colour=colour))
        volumes.append(volume)
    net = format_number(volumes[0] - volumes[1], digits=4)
    chips.append(render_chip("buys minus sells", f"{net} {base}", colour=colours.INK))
    forced = [sum(bars[name]) for name in _FORCED]  # rare: of all that is shown
    if any(forced):
        bought, sold = (format_number(volume, digits=4) for volume in forced)
        text = f"{bought} bought · {sold} sold {base}"
        chips.append(render_chip("liquidations", text, colour=colours.INK))
    return chips


def figure(sources: ChartSources) -> Chart:
    """Counts above, then volumes, buys minus sells below."""
    below = [f"down_{name}" for name in _BELOW]
    source = sources.create("flow", "x", "width", "alpha", *_SUMS, *below, *_NET)
    return Chart(
        [
            _bar_plot(sources, source, "buys", "down_sells", label="trades"),
            _bar_plot(sources, source, "buy_base", "down_sell_base", label="volume"),
            _bar_plot(sources, source, *_NET, label="net volume", is_signed=True),
        ]
    )


def _bar_plot(
    sources: ChartSources,
    source: ColumnDataSource,
    up: str,
    down: str,
    *,
    label: str,
    is_signed: bool = False,
) -> Any:
    """Bars up and down from zero; without a sign where what is below is an amount as well."""
    plot = create_plot(112, times=sources.times, label=label)
    if not is_signed:
        plot.yaxis.formatter = CustomJSTickFormatter(code=_UNSIGNED)
    buys, _ = (
        plot.vbar(
            "x",
            width="width",
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
        ("liquidations", "@forced_buy_base{0,0.0000} / @forced_sell_base{0,0.0000}"),
    ]
    add_hover(plot, buys, labels)
    return plot
