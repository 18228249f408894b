"""Several symbols beside each other: how far each has moved since the axis begins."""

from streaming.dashboard import colours
from streaming.dashboard.choice import MAX_SYMBOLS
from streaming.dashboard.columns import Columns, Points, build_line, last_number
from streaming.dashboard.context import PanelContext
from streaming.dashboard.freshness import Freshness, best_freshness
from streaming.dashboard.html import format_age, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.view import Panel


def compute(context: PanelContext) -> Panel:
    """Each chosen symbol at its main venue; one without a price is named as such."""
    columns: dict[str, Columns] = {f"compare_{i}": {"x": [], "y": []} for i in range(MAX_SYMBOLS)}
    chips, states, seen_s = [], list[Freshness](), 0.0
    for index, symbol in enumerate(context.symbols[:MAX_SYMBOLS]):
        venue, series = context.main_venue(symbol) or ("", MarketSeries(0))
        state = context.venue_freshness(venue, series.price_seen_s)
        prices = series.prices.select(context.first_s, context.last_s)
        line = build_change(prices, step_s=context.step_s, gap_s=_gap_s(context))
        columns[f"compare_{index}"] = line
        states.append(state if line["x"] else "none")
        seen_s = max(seen_s, series.price_seen_s)
        change = last_number(line["y"])
        text = f"{change:+.2f} %" if change is not None else "no data"
        old = format_age(context.age_s(series.price_seen_s)) if state == "stale" else ""
        colour = colours.symbol_colour(index)
        chips.append(render_chip(f"{symbol} {venue}", text, colour=colour, excluded=old))
    freshness = best_freshness(states)
    html = render_heading(
        "Change since the axis begins",
        freshness=freshness,
        age_s=context.age_s(seen_s),
        chips=chips,
        waiting_for="waiting for a price of the chosen symbols",
    )
    return Panel(html, columns, freshness)


def _gap_s(context: PanelContext) -> float:
    return max(context.settings.dashboard.quiet_s, context.step_s)


def build_change(prices: Points, *, step_s: int, gap_s: float) -> Columns:
    """Columns x (ms) and y: the price's change in per cent since the first one."""
    line = build_line(prices, step_s=step_s, gap_s=gap_s)
    first = prices[0][1] if prices else 1.0
    return {"x": line["x"], "y": [(price / first - 1) * 100 for price in line["y"]]}


def figure(sources: ChartSources) -> Chart:
    """A line a symbol, all from zero on."""
    plot = create_plot(290, times=sources.times, label="%", number_format="0.[00]")
    plot.add_layout(create_level(0))
    for index in range(MAX_SYMBOLS):
        source, colour = sources.create(f"compare_{index}", "x", "y"), colours.symbol_colour(index)
        line = plot.line("x", "y", source=source, line_color=colour, line_width=1.8)
        add_hover(plot, line, [("change", "@y{+0.00} %")])
    return Chart([plot])
