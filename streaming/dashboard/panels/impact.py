"""Trade flow against the next move: whether the price followed who was in a hurry."""

from collections.abc import Mapping
from statistics import StatisticsError, correlation

from bokeh.models import Range1d

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns, Points
from streaming.dashboard.context import PanelContext
from streaming.dashboard.freshness import best_freshness
from streaming.dashboard.html import format_age, render_chip, render_heading
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.plots import Chart, ChartSources, create_level, create_plot
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.view import Panel

_FEWEST, _BPS = 3, 10_000


def compute(context: PanelContext) -> Panel:
    """A point for each minute or step of the main venue but the last, whose next is unknown."""
    venue, series = context.main_venue() or ("", MarketSeries(0))
    points = build_points(
        series.minutes.flows,
        series.prices.select(context.first_bar * 60, context.last_s),
        step_s=context.bar_s,
    )
    freshness = best_freshness([context.venue_freshness(venue, series.trade_seen_s)])
    length = format_age(context.bar_s)
    html = render_heading(
        f"Trade flow against the next {length} {venue}",
        freshness=freshness if points["x"] else "none",
        age_s=context.age_s(series.trade_seen_s),
        chips=_chips(points),
        waiting_for=f"it takes trades of {context.symbol} in several minutes",
    )
    return Panel(html, {"impact": points}, freshness if points["x"] else "none")


def build_points(flows: Mapping[int, TradeFlow], prices: Points, *, step_s: int) -> Columns:
    """Columns x: buys minus sells as a share of both, -1 to 1; y: the price's next change in bps.

    The change is that from the last price of a step to the last one of the step after it.
    """
    closes = {second // step_s: price for second, price in prices}
    columns: Columns = {"x": [], "y": []}
    for minute, flow in flows.items():
        step = minute * 60 // step_s
        volume = flow.buy_base + flow.sell_base
        if volume and step in closes and step + 1 in closes:
            columns["x"].append(float((flow.buy_base - flow.sell_base) / volume))
            columns["y"].append((closes[step + 1] / closes[step] - 1) * _BPS)
    return columns


def _chips(scatter: Columns) -> list[str]:
    count = len(scatter["x"])
    chips = [render_chip("points", f"{count:,}", colour=colours.FORECAST)]
    if count >= _FEWEST:
        try:
            strength = f"{correlation(scatter['x'], scatter['y']):+.2f}"
        except StatisticsError:  # all flows or all moves are equal
            strength = "none"
        chips.append(render_chip("correlation", strength, colour=colours.INK))
    return chips


def figure(sources: ChartSources) -> Chart:
    """A scatter: flow to the right means that buyers were in a hurry."""
    plot = create_plot(
        290,
        label="next move, bps",
        number_format="0.[0]",
        x_axis_type="linear",
        x_range=Range1d(start=-1.05, end=1.05),
    )
    plot.xaxis.axis_label = "buys minus sells, share of the volume"
    plot.add_layout(create_level(0))
    plot.scatter(
        "x",
        "y",
        source=sources.create("impact", "x", "y"),
        size=6,
        color=colours.FORECAST,
        fill_alpha=0.55,
        line_color=None,
    )
    return Chart([plot])
