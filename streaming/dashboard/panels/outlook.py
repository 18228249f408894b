"""The forecast of the coming days with its bounds, an hour a point."""

from bokeh.models.annotations import Span

from streaming.dashboard import colours
from streaming.dashboard.columns import build_forecast
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import (
    FORECAST_COLUMNS,
    Chart,
    ChartSources,
    add_forecast,
    create_plot,
)
from streaming.dashboard.view import Panel


def compute(context: PanelContext) -> Panel:
    """The forecast of the chosen symbol, re-anchored to the present."""
    snapshot = context.state.postgres
    points = snapshot.long.get(context.symbol, ())
    freshness = context.postgres_freshness() if points else "none"
    html = render_heading(
        f"Forecast {context.symbol}, days ahead",
        freshness=freshness,
        age_s=context.age_s(snapshot.seen_s),
        chips=_chips(context, points[-1].yhat) if points else [],
        waiting_for=f"no forecast of {context.symbol} is served",
    )
    return Panel(html, {"outlook": build_forecast(points)}, freshness)


def _chips(context: PanelContext, last_yhat: float) -> list[str]:
    price = f"{format_number(last_yhat)} {context.currency}"
    chips = [render_chip("in three days", price, colour=colours.FORECAST, dashed=True)]
    if manifest := context.state.files.manifests.get(context.symbol):
        until = f"{manifest.trained_until:%-d %b %Y %H:%M}"
        chips.append(render_chip("trained until", until, colour=colours.INK))
    return chips


def figure(sources: ChartSources) -> Chart:
    """The forecast on a time axis of its own."""
    plot = create_plot(340, label="forecast")
    source = sources.create("outlook", *FORECAST_COLUMNS)
    plot.add_layout(Span(dimension="height", line_color=colours.INK, line_dash=[2, 3], name="now"))
    add_forecast(plot, source, "forecast", colours.FORECAST)
    return Chart([plot])
