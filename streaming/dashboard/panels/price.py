"""Price of each venue and its jumps, their moving average, the forecast with bounds, the orders."""

from collections.abc import Mapping, Sequence
from typing import Any

from bokeh.models import Range1d

from include.market.average import average_suppliers
from include.market.time import SECOND_US
from streaming.dashboard import colours
from streaming.dashboard.annotation_list import render_annotations
from streaming.dashboard.axis import exceeds, fit_limits
from streaming.dashboard.columns import Columns, build_forecast, build_line
from streaming.dashboard.context import PanelContext
from streaming.dashboard.freshness import Freshness, best_freshness
from streaming.dashboard.html import format_age, format_number, render_chip, render_heading
from streaming.dashboard.plots import (
    FORECAST_COLUMNS,
    Chart,
    ChartSources,
    add_forecast,
    add_hover,
    create_plot,
)
from streaming.dashboard.series import MarketSeries, SecondValues
from streaming.dashboard.state import ForecastPoint
from streaming.dashboard.trader_activity import DatedFact
from streaming.dashboard.view import Panel

_MINUTE_S = 60
_SIDES = (("buy", "triangle", colours.BUY), ("sell", "inverted_triangle", colours.SELL))


def compute(context: PanelContext) -> Panel:
    """The large price is the mean of the fresh venues without outliers."""
    venues = {name: s for name, s in context.venues().items() if s.price_seen_s}
    states = {name: context.venue_freshness(name, s.price_seen_s) for name, s in venues.items()}
    fresh = {name: (0, s.price) for name, s in venues.items() if s.price and states[name] == "live"}
    now = average_suppliers(fresh, at_second=0, stale_s=0)
    excluded = {
        name: format_age(context.age_s(venues[name].price_seen_s))
        for name in venues
        if states[name] == "stale"
    } | dict(now.left_out)
    lines, average = _venue_lines(context, venues)
    forecast = _forecast_points(context)
    columns = {
        **lines,
        **_forecast_columns(context, forecast),
        **_order_columns(context),
        "jumps": _jump_columns(context, venues),
    }
    limits = fit_limits(columns)
    chips = [
        *_venue_chips(venues, excluded),
        *_average_chip(context, average),
        *_forecast_chip(context, forecast, average),
    ]
    ahead = build_forecast(point for point in forecast if point.second > context.last_s)
    if exceeds(ahead, limits):
        chips.append(_bounds_chip(ahead))
    in_archive: Freshness = "past" if lines["history"]["x"] else "none"
    freshness = best_freshness([*states.values(), in_archive])
    notes = context.annotations()
    columns["annotations"] = {"x": [note.at_s * 1000.0 for note in notes]}
    html = render_heading(
        f"Price {context.symbol}",
        freshness=freshness,
        age_s=context.age_s(max((s.price_seen_s for s in venues.values()), default=0.0)),
        value=f"{format_number(now.price)} {context.currency}" if now.price else "",
        chips=chips,
        waiting_for=f"waiting for a trade or ticker of {context.symbol}",
    ) + render_annotations(notes)
    return Panel(html, columns, freshness, limits)


def _forecast_columns(
    context: PanelContext, forecast: Sequence[ForecastPoint]
) -> dict[str, Columns]:
    short_term = context.state.postgres.short_term.get(context.symbol, ())
    near = (p for p in short_term if context.first_s <= p.second <= context.end_s)
    return {"forecast": build_forecast(forecast), "short_term": build_forecast(near)}


def _venue_lines(
    context: PanelContext, venues: Mapping[str, MarketSeries]
) -> tuple[dict[str, Columns], float | None]:
    """The lines of the venues and of the stream's average, and the average now."""
    stream, step_s = context.settings.stream, context.step_s
    first, last = context.first_s, context.last_s
    gap_s = max(context.settings.dashboard.quiet_s, step_s)
    columns = {}
    for name in colours.colour_by_venue():
        inside = venues[name].prices.select(first, last) if name in venues else []
        columns[f"price_{name}"] = build_line(inside, step_s=step_s, gap_s=gap_s)
    averages = context.state.averages.get(context.symbol, SecondValues(0)).select(first, last)
    late_s = max(3 * stream.average_every_s, step_s)
    columns["history"] = _history_line(context)
    columns["average"] = build_line(averages, step_s=step_s, gap_s=late_s)
    is_now = bool(averages) and averages[-1][0] > last - late_s
    return columns, averages[-1][1] if is_now else None


def _history_line(context: PanelContext) -> Columns:
    """The closes of archives, which reach back to before the first trade."""
    closes = context.state.history.get(context.symbol, SecondValues(0))
    points = closes.select(context.first_s, context.last_s)
    return build_line(points, step_s=context.step_s, gap_s=context.step_s)


def _forecast_points(context: PanelContext) -> list[ForecastPoint]:
    points = context.state.postgres.short.get(context.symbol, ())
    return [point for point in points if context.first_s <= point.second <= context.end_s]


def _order_columns(context: PanelContext) -> dict[str, Columns]:
    traded = context.symbol == context.account.symbol
    orders = context.activity.in_order("orders") if traded else []
    return {
        f"orders_{side}": build_markers(orders, side, first_s=context.first_s, last_s=context.end_s)
        for side, _, _ in _SIDES
    }


def _jump_columns(context: PanelContext, venues: Mapping[str, MarketSeries]) -> Columns:
    """Columns x (ms), y (the venue's last price by then), volatilities (the move's size)."""
    columns: Columns = {"x": [], "y": [], "volatilities": []}
    for series in venues.values():
        for second, size in series.jumps.select(context.first_s, context.last_s):
            prices = series.prices.select(second - _MINUTE_S, second)
            if prices:
                columns["x"].append(second * 1000.0)
                columns["y"].append(prices[-1][1])
                columns["volatilities"].append(size)
    return columns


def build_markers(orders: Sequence[DatedFact], side: str, *, first_s: int, last_s: int) -> Columns:
    """Columns x (ms), y (limit price), quantity executed of the orders of one side in the time."""
    in_time = [
        (dated.at_us // 1000, dated.fact)
        for dated in orders
        if first_s <= dated.at_us // SECOND_US <= last_s
        and getattr(dated.fact, "side", None) == side
    ]
    return {
        "x": [float(at_ms) for at_ms, _ in in_time],
        "y": [float(getattr(fact, "price", 0)) for _, fact in in_time],
        "executed": [float(getattr(fact, "executed", 0)) for _, fact in in_time],
    }


def _venue_chips(venues: Mapping[str, MarketSeries], excluded: Mapping[str, str]) -> list[str]:
    return [
        render_chip(
            name,
            format_number(series.price or 0),
            colour=colours.venue_colour(name),
            excluded=excluded.get(name, ""),
        )
        for name, series in venues.items()
    ]


def _average_chip(context: PanelContext, average: float | None) -> list[str]:
    if average is None:
        return []
    label = f"average of suppliers, {context.settings.stream.average_s} s"
    return [render_chip(label, format_number(average), colour=colours.AVERAGE)]


def _forecast_chip(
    context: PanelContext, forecast: Sequence[ForecastPoint], average: float | None
) -> list[str]:
    following = next((point for point in forecast if point.second > context.last_s), None)
    if following is None:
        return []
    off = f" ({(following.yhat / average - 1) * 100:+.2f} %)" if average else ""
    age = format_age(context.age_s(context.state.postgres.seen_s))
    return [
        render_chip(
            "forecast, next minute",
            format_number(following.yhat) + off,
            colour=colours.FORECAST,
            dashed=True,
            excluded=age if context.postgres_freshness() != "live" else "",
        )
    ]


def _bounds_chip(band: Columns) -> str:
    span = f"{format_number(min(band['lower']))} to {format_number(max(band['upper']))}"
    return render_chip("its bounds leave the chart", span, colour=colours.FORECAST, dashed=True)


def figure(sources: ChartSources) -> Chart:
    """Lines of the venues over the forecast, markers of the orders on top."""
    levels = Range1d(start=0.1, end=1)
    plot = create_plot(340, times=sources.times, y_range=levels, label="price")
    forecast = sources.create("forecast", *FORECAST_COLUMNS)
    add_forecast(plot, forecast, "forecast", colours.FORECAST, line_dash=[6, 4])
    _draw_line(plot, sources, "history", "archive", colours.INK, width=1.2, alpha=0.7)
    _draw_line(plot, sources, "average", "average", colours.AVERAGE, width=4, alpha=0.55)
    for venue, colour in colours.colour_by_venue().items():
        _draw_line(plot, sources, f"price_{venue}", venue, colour, width=1.6)
    short_term = sources.create("short_term", *FORECAST_COLUMNS)
    add_forecast(plot, short_term, "next minutes", colours.SHORT_TERM)
    notes = sources.create("annotations", "x")
    plot.vspan("x", source=notes, line_color=colours.INK, line_dash=[2, 3], line_width=1.5)
    for side, marker, colour in _SIDES:
        _draw_orders(plot, sources, side, marker, colour)
    _draw_jumps(plot, sources)
    return Chart([plot], levels)


def _draw_line(
    plot: Any,
    sources: ChartSources,
    name: str,
    label: str,
    colour: str,
    *,
    width: float,
    alpha: float = 1.0,
) -> None:
    source = sources.create(name, "x", "y")
    line = plot.line("x", "y", source=source, line_color=colour, line_width=width, line_alpha=alpha)
    add_hover(plot, line, [(label, "@y{0,0.00}")])


def _draw_jumps(plot: Any, sources: ChartSources) -> None:
    source = sources.create("jumps", "x", "y", "volatilities")
    marks = plot.scatter(
        "x", "y", source=source, marker="star", size=16, fill_color=colours.JUMP, line_color="white"
    )
    labels = [("jump to", "@y{0,0.00}"), ("volatilities", "@volatilities{+0.0}")]
    add_hover(plot, marks, labels, mode="mouse")


def _draw_orders(plot: Any, sources: ChartSources, side: str, marker: str, colour: str) -> None:
    dots = plot.scatter(
        "x",
        "y",
        source=sources.create(f"orders_{side}", "x", "y", "executed"),
        marker=marker,
        size=13,
        fill_color=colour,
        line_color="white",
        line_width=1.5,
    )
    labels = [(side, "@y{0,0.00}"), ("executed", "@executed{0,0.000000}")]
    add_hover(plot, dots, labels, mode="mouse")
