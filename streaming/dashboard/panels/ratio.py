"""The liquidity ratio that the trader acts on, and the two sums behind it, a point a window."""

from typing import Any

from bokeh.models import FixedTicker, Range1d
from bokeh.models.annotations import BoxAnnotation

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns, Points
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.view import Panel

_SMALLEST_RATIO = 0.001
_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]


def compute(context: PanelContext) -> Panel:
    """The ratios of the main venue between the trader's thresholds."""
    _, series = context.main_venue() or ("", MarketSeries(0))
    points = series.ratios.select(context.first_s, context.end_s)
    stream, trader = context.settings.stream, context.account
    limit_s = stream.window_s + stream.close_after_s + context.stale_s
    freshness = context.freshness(series.signal_seen_s, limit_s=limit_s)
    thresholds = f"{trader.ratio_low} and {trader.ratio_high}"
    html = render_heading(
        "Liquidity ratio, ask ÷ bid",
        freshness=freshness,
        age_s=context.age_s(series.signal_seen_s),
        value=format_number(points[-1][1], digits=3) if points and freshness == "live" else "",
        chips=[render_chip("may buy between", thresholds, colour=colours.BUY)],
        waiting_for=f"the stream measures one a minute, none yet of {context.symbol}",
    )
    columns = _build_columns(points)
    sums = {
        f"sum_{side}": _build_columns(amounts.select(context.first_s, context.end_s))
        for side, amounts in series.sums.items()
    }
    levels = [*columns["y"], float(trader.ratio_low), float(trader.ratio_high)]
    limits = (max(min(levels), _SMALLEST_RATIO) / 1.5, max(levels) * 1.5)
    return Panel(html, {"ratio": columns, **sums}, freshness, limits)


def _build_columns(pairs: Points) -> Columns:
    return {"x": [second * 1000.0 for second, _ in pairs], "y": [y for _, y in pairs]}


def figure(sources: ChartSources) -> Chart:
    """The ratio on a logarithmic axis, its band is where the trader may buy; the sums below."""
    source, levels = sources.create("ratio", "x", "y"), Range1d(start=0.1, end=1)
    trader = sources.settings.trader
    low, high = float(trader.ratio_low), float(trader.ratio_high)
    plot = create_plot(
        170,
        times=sources.times,
        label="ask ÷ bid",
        number_format="0.[00]",
        y_axis_type="log",
        y_range=levels,
    )
    plot.yaxis.ticker = FixedTicker(ticks=_TICKS)
    plot.add_layout(BoxAnnotation(bottom=low, top=high, fill_color=colours.BUY, fill_alpha=0.08))
    plot.add_layout(create_level(low, dash=True))
    plot.add_layout(create_level(high, dash=True))
    plot.line("x", "y", source=source, line_color=colours.EQUITY, line_width=1.4)
    dots = plot.scatter("x", "y", source=source, size=5, color=colours.EQUITY)
    add_hover(plot, dots, [("ratio", "@y{0.000}")])
    return Chart([plot, _sum_plot(sources)], levels)


def _sum_plot(sources: ChartSources) -> Any:
    """Price times quantity that came or went on each side of the book, window by window."""
    plot = create_plot(120, times=sources.times, label="bid, ask", number_format="0.[0]a")
    for side, colour in (("bid", colours.BUY), ("ask", colours.SELL)):
        source = sources.create(f"sum_{side}", "x", "y")
        line = plot.line("x", "y", source=source, line_color=colour, line_width=1.4)
        add_hover(plot, line, [(f"sum of the {side} side", "@y{0,0.00}")])
    return plot
