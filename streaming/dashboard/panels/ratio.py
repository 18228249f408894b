"""The liquidity ratio that the trader acts on, a point a window."""

from bokeh.models import FixedTicker, Range1d
from bokeh.models.annotations import BoxAnnotation

from streaming.dashboard import colours
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.view import Panel, PanelContext

_SMALLEST_RATIO = 0.001
_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]


def compute(context: PanelContext) -> Panel:
    """The ratios of the main venue between the trader's thresholds."""
    _, series = context.main_venue() or ("", MarketSeries(0))
    points = series.ratios.select(context.first_s, context.end_s)
    stream, trader = context.settings.stream, context.settings.trader
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
    columns = {"x": [second * 1000.0 for second, _ in points], "y": [y for _, y in points]}
    levels = [*columns["y"], float(trader.ratio_low), float(trader.ratio_high)]
    limits = (max(min(levels), _SMALLEST_RATIO) / 1.5, max(levels) * 1.5)
    return Panel(html, {"ratio": columns}, freshness, limits)


def figure(sources: ChartSources) -> Chart:
    """The ratio on a logarithmic axis; the band is where the trader may buy."""
    source, levels = sources.create("ratio", "x", "y"), Range1d(start=0.1, end=1)
    trader = sources.settings.trader
    low, high = float(trader.ratio_low), float(trader.ratio_high)
    plot = create_plot(
        290,
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
    return Chart([plot], levels)
