"""The charts of one page: Bokeh figures on one shared time axis, and the sources they draw."""

from dataclasses import dataclass
from typing import Any, Literal

from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    DatetimeTickFormatter,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
)
from bokeh.models.annotations import BoxAnnotation, Span
from bokeh.plotting import figure

from include.settings import Settings
from streaming.dashboard import colours

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
TIME: dict[str, Any] = {
    "seconds": "%H:%M:%S",
    "minsec": "%H:%M:%S",
    "minutes": "%H:%M",
    "hourmin": "%H:%M",
    "hours": "%H:%M",
    "days": "%-d %b",
    "months": "%b %Y",
}
RATIO_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
UNSIGNED = "return Math.abs(tick).toLocaleString('en')"
AT = "@x{%-d %b %H:%M:%S}"
COLUMNS = {
    **{f"price_{venue}": ("x", "y") for venue in colours.VENUES},
    "average": ("x", "y"),
    "forecast": ("x", "yhat", "lower", "upper"),
    "soon": ("x", "yhat", "lower", "upper"),
    "orders_buy": ("x", "y", "executed"),
    "orders_sell": ("x", "y", "executed"),
    "book": ("x", "bid", "ask", "mid", "imbalance"),
    "flow": (
        "x",
        "alpha",
        "buys",
        "sells",
        "buy_base",
        "sell_base",
        "buy_quote",
        "sell_quote",
        "down_sells",
        "down_sell_base",
    ),
    "ratio": ("x", "y"),
    "worth": ("x", "equity", "hold"),
    "profit": ("x", "profit", "cumulative"),
    "outlook": ("x", "yhat", "lower", "upper"),
}


@dataclass(frozen=True)
class Charts:
    """The figures of each panel from top to bottom, and the sources by name.

    `times` is the time axis they share, `levels` the y axes of the panels that set their own.
    """

    figures: dict[str, list[Any]]
    sources: dict[str, ColumnDataSource]
    times: Range1d
    levels: dict[str, Range1d]


def charts(settings: Settings) -> Charts:
    """New, empty charts."""
    sources = {
        name: ColumnDataSource({column: [] for column in columns}, name=name)
        for name, columns in COLUMNS.items()
    }
    times, prices, ratios = (Range1d(start=0.1, end=1) for _ in range(3))
    figures = {
        "price": [_price(sources, times, prices)],
        "book": _book(sources, times),
        "flow": _flow(sources, times),
        "ratio": [_ratio(sources, times, ratios, settings)],
        "account": _account(sources, times),
        "outlook": [_outlook(sources)],
    }
    return Charts(figures, sources, times, {"price": prices, "ratio": ratios})


def _plot(
    height: int, *, times: Any = None, label: str = "", form: str = "0,0.[00]", **more: Any
) -> Any:
    plot: Any = figure(
        height=height,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        tools="",
        toolbar_location=None,
        min_border_left=86,
        min_border_right=14,
        min_border_top=6,
        min_border_bottom=4,
        outline_line_color=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        **({"x_range": times} if times else {}),
        **more,
    )
    plot.xaxis.formatter = DatetimeTickFormatter(**TIME)
    plot.yaxis.formatter = NumeralTickFormatter(format=form)
    plot.yaxis.axis_label = label
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color, plot.ygrid.grid_line_alpha = colours.GRID, 0.22
    plot.yaxis.ticker.desired_num_ticks = 5 if height > 150 else 3  # noqa: PLR2004
    for axis in plot.axis:
        axis.axis_line_color = axis.minor_tick_line_color = None
        axis.major_tick_line_color, axis.major_tick_line_alpha = colours.GRID, 0.4
        axis.major_label_text_color = axis.axis_label_text_color = colours.INK
        axis.major_label_text_font = axis.axis_label_text_font = FONT
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "11px"
        axis.axis_label_text_font_style = "normal"
    return plot


def _hover(
    plot: Any,
    renderers: list[Any],
    rows: list[tuple[str, str]],
    *,
    mode: Literal["vline", "mouse"] = "vline",
) -> None:
    plot.add_tools(
        HoverTool(
            renderers=renderers,
            tooltips=[("", AT), *rows],
            formatters={"@x": "datetime"},
            mode=mode,
            point_policy="snap_to_data",
            attachment="horizontal",
        )
    )


def _band(plot: Any, source: ColumnDataSource, low: str, high: str, colour: str) -> None:
    plot.varea("x", low, high, source=source, fill_color=colour, fill_alpha=0.14)


def _price(sources: dict[str, ColumnDataSource], times: Range1d, prices: Range1d) -> Any:
    plot = _plot(340, times=times, y_range=prices, label="price")
    _band(plot, sources["forecast"], "lower", "upper", colours.FORECAST)
    ahead = plot.line(
        "x",
        "yhat",
        source=sources["forecast"],
        line_color=colours.FORECAST,
        line_width=2,
        line_dash=[6, 4],
    )
    mean = plot.line(
        "x",
        "y",
        source=sources["average"],
        line_color=colours.AVERAGE,
        line_width=4,
        line_alpha=0.55,
    )
    for venue, colour in colours.VENUES.items():
        one = plot.line(
            "x", "y", source=sources[f"price_{venue}"], line_color=colour, line_width=1.6
        )
        _hover(plot, [one], [(venue, "@y{0,0.00}")])
    _hover(plot, [mean], [("average", "@y{0,0.00}")])
    _hover(
        plot,
        [ahead],
        [("forecast", "@yhat{0,0.00}"), ("bounds", "@lower{0,0.00} to @upper{0,0.00}")],
    )
    _band(plot, sources["soon"], "lower", "upper", colours.SOON)
    soon = plot.line("x", "yhat", source=sources["soon"], line_color=colours.SOON, line_width=2)
    _hover(
        plot,
        [soon],
        [("next minutes", "@yhat{0,0.00}"), ("bounds", "@lower{0,0.00} to @upper{0,0.00}")],
    )
    for side, marker, colour in (
        ("buy", "triangle", colours.BUY),
        ("sell", "inverted_triangle", colours.SELL),
    ):
        dots = plot.scatter(
            "x",
            "y",
            source=sources[f"orders_{side}"],
            marker=marker,
            size=13,
            fill_color=colour,
            line_color="white",
            line_width=1.5,
        )
        rows = [(side, "@y{0,0.00}"), ("executed", "@executed{0,0.000000}")]
        _hover(plot, [dots], rows, mode="mouse")
    return plot


def _book(sources: dict[str, ColumnDataSource], times: Range1d) -> list[Any]:
    source = sources["book"]
    top = _plot(170, times=times, label="mid price")
    _band(top, source, "bid", "ask", colours.INK)
    mid = top.line("x", "mid", source=source, line_color=colours.EQUITY, line_width=1.6)
    _hover(top, [mid], [("mid", "@mid{0,0.00}"), ("bid", "@bid{0,0.00}"), ("ask", "@ask{0,0.00}")])
    low = _plot(
        120, times=times, label="imbalance", form="0.0", y_range=Range1d(start=-1.05, end=1.05)
    )
    low.add_layout(_rule(0))
    tilt = low.step("x", "imbalance", source=source, line_color=colours.FORECAST, mode="after")
    _hover(low, [tilt], [("imbalance", "@imbalance{+0.00}")])
    return [top, low]


def _flow(sources: dict[str, ColumnDataSource], times: Range1d) -> list[Any]:
    plots = []
    for up, down, label in (("buys", "sells", "trades"), ("buy_base", "sell_base", "volume")):
        plot, bars = _plot(145, times=times, label=label), []
        plot.yaxis.formatter = CustomJSTickFormatter(code=UNSIGNED)
        for column, colour in ((up, colours.BUY), (f"down_{down}", colours.SELL)):
            bars.append(
                plot.vbar(
                    "x",
                    width=46_000,
                    top=column,
                    source=sources["flow"],
                    fill_color=colour,
                    fill_alpha="alpha",
                    line_color=None,
                )
            )
        plot.add_layout(_rule(0))
        _hover(
            plot,
            bars[:1],
            [
                ("buys", "@buys{0,0} · @buy_base{0,0.0000}"),
                ("sells", "@sells{0,0} · @sell_base{0,0.0000}"),
                ("in quote units", "@buy_quote{0,0} / @sell_quote{0,0}"),
            ],
        )
        plots.append(plot)
    return plots


def _ratio(
    sources: dict[str, ColumnDataSource], times: Range1d, ratios: Range1d, settings: Settings
) -> Any:
    low, high = float(settings.trader.ratio_low), float(settings.trader.ratio_high)
    plot = _plot(
        290, times=times, label="ask ÷ bid", form="0.[00]", y_axis_type="log", y_range=ratios
    )
    plot.yaxis.ticker = FixedTicker(ticks=RATIO_TICKS)
    plot.add_layout(BoxAnnotation(bottom=low, top=high, fill_color=colours.BUY, fill_alpha=0.08))
    plot.add_layout(_rule(low, dash=True))
    plot.add_layout(_rule(high, dash=True))
    plot.line("x", "y", source=sources["ratio"], line_color=colours.EQUITY, line_width=1.4)
    dots = plot.scatter("x", "y", source=sources["ratio"], size=5, color=colours.EQUITY)
    _hover(plot, [dots], [("ratio", "@y{0.000}")])
    return plot


def _account(sources: dict[str, ColumnDataSource], times: Range1d) -> list[Any]:
    top = _plot(170, times=times, label="worth")
    hold = top.line(
        "x",
        "hold",
        source=sources["worth"],
        line_color=colours.HOLD,
        line_dash=[5, 4],
        line_width=1.6,
    )
    own = top.line("x", "equity", source=sources["worth"], line_color=colours.EQUITY, line_width=2)
    _hover(top, [own], [("account", "@equity{0,0.00}"), ("buy and hold", "@hold{0,0.00}")])
    top.y_range.renderers = [own, hold]
    low = _plot(120, times=times, label="profit")
    low.add_layout(_rule(0))
    line = low.step(
        "x",
        "cumulative",
        source=sources["profit"],
        mode="after",
        line_color=colours.BUY,
        line_width=1.6,
    )
    dots = low.scatter("x", "cumulative", source=sources["profit"], size=6, color=colours.BUY)
    _hover(low, [dots], [("trip", "@profit{+0,0.00}"), ("together", "@cumulative{+0,0.00}")])
    low.y_range.renderers = [line, dots]
    return [top, low]


def _outlook(sources: dict[str, ColumnDataSource]) -> Any:
    plot = _plot(340, label="forecast")
    _band(plot, sources["outlook"], "lower", "upper", colours.FORECAST)
    line = plot.line(
        "x", "yhat", source=sources["outlook"], line_color=colours.FORECAST, line_width=2
    )
    now = Span(dimension="height", line_color=colours.INK, line_dash=[2, 3], name="now")
    plot.add_layout(now)
    _hover(
        plot,
        [line],
        [("forecast", "@yhat{0,0.00}"), ("bounds", "@lower{0,0.00} to @upper{0,0.00}")],
    )
    return plot


def _rule(at: float, *, dash: bool = False) -> Span:
    return Span(
        location=at,
        dimension="width",
        line_color=colours.INK,
        line_alpha=0.6,
        line_dash=[4, 4] if dash else "solid",
    )
