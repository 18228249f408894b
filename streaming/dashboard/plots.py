"""The style that the Bokeh figures of all panels share, and the sources that they draw."""

from dataclasses import dataclass, field
from typing import Any, Literal

from bokeh.models import (
    ColumnDataSource,
    DatetimeTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    WheelZoomTool,
)
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from include.settings import Settings
from streaming.dashboard import colours

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
TIME_FORMATS: dict[str, Any] = {
    "seconds": "%H:%M:%S",
    "minsec": "%H:%M:%S",
    "minutes": "%H:%M",
    "hourmin": "%H:%M",
    "hours": "%H:%M",
    "days": "%-d %b",
    "months": "%b %Y",
}
HOVER_TIME = "@x{%-d %b %H:%M:%S}"
FORECAST_COLUMNS = ("x", "yhat", "lower", "upper")
_TALL = 150


@dataclass(frozen=True)
class Chart:
    """The plots of one panel from top to bottom.

    `levels` is the y range that follows a panel's `limits`, where it sets its own.
    """

    plots: list[Any] = field(default_factory=list)
    levels: Range1d | None = None


@dataclass(frozen=True)
class ChartSources:
    """What the figures of one page draw on: a shared time axis, and a source per set of columns."""

    settings: Settings
    times: Range1d = field(default_factory=lambda: Range1d(start=0.1, end=1))
    by_name: dict[str, ColumnDataSource] = field(default_factory=dict)

    def create(self, name: str, *column_names: str) -> ColumnDataSource:
        """A new, empty source that follows a panel's columns of this name.

        Raises:
            ValueError: another figure has a source of this name.
        """
        if name in self.by_name:
            raise ValueError(f"two figures have a source named {name}")
        source = ColumnDataSource({column: [] for column in column_names}, name=name)
        self.by_name[name] = source
        return source


def create_plot(
    height: int,
    *,
    times: Range1d | None = None,
    label: str = "",
    number_format: str = "0,0.[00]",
    **options: Any,
) -> Any:
    """An empty figure over time in the style of the page, on the time axis `times` if it is set.

    Of the shared axis a viewer may choose another part: by dragging, by the wheel with Shift, or by
    two fingers on a touch screen (Bokeh's tool for the wheel takes both).
    """
    if times is not None:
        options["x_range"] = times
        options["tools"] = _moving_tools()
    plot: Any = figure(
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        min_border_left=86,
        min_border_right=14,
        min_border_top=6,
        min_border_bottom=4,
        outline_line_color=None,
        background_fill_alpha=0,
        border_fill_alpha=0,
        **({"x_axis_type": "datetime", "tools": ""} | options),
    )
    if options.get("x_axis_type") != "linear":
        plot.xaxis.formatter = DatetimeTickFormatter(**TIME_FORMATS)
    plot.yaxis.formatter = NumeralTickFormatter(format=number_format)
    plot.yaxis.axis_label = label
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color, plot.ygrid.grid_line_alpha = colours.GRID, 0.22
    plot.yaxis.ticker.desired_num_ticks = 5 if height > _TALL else 3
    for axis in plot.axis:
        _style_axis(axis)
    return plot


def _moving_tools() -> list[Any]:
    return [
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width", modifiers="shift"),
    ]


def _style_axis(axis: Any) -> None:
    axis.axis_line_color = axis.minor_tick_line_color = None
    axis.major_tick_line_color, axis.major_tick_line_alpha = colours.GRID, 0.4
    axis.major_label_text_color = axis.axis_label_text_color = colours.INK
    axis.major_label_text_font = axis.axis_label_text_font = FONT
    axis.major_label_text_font_size = axis.axis_label_text_font_size = "11px"
    axis.axis_label_text_font_style = "normal"


def add_hover(
    plot: Any,
    renderer: Any,
    labels: list[tuple[str, str]],
    *,
    mode: Literal["vline", "mouse"] = "vline",
) -> None:
    """Show the time and these (label, format) pairs for the point of `renderer` under the mouse."""
    plot.add_tools(
        HoverTool(
            renderers=[renderer],
            tooltips=[("", HOVER_TIME), *labels],
            formatters={"@x": "datetime"},
            mode=mode,
            point_policy="snap_to_data",
            attachment="horizontal",
        )
    )


def add_band(plot: Any, source: ColumnDataSource, low: str, high: str, colour: str) -> None:
    """Shade the area between two columns."""
    plot.varea("x", low, high, source=source, fill_color=colour, fill_alpha=0.14)


def add_forecast(
    plot: Any, source: ColumnDataSource, label: str, colour: str, **line_style: Any
) -> None:
    """Draw a forecast with its bounds; the columns are `FORECAST_COLUMNS`."""
    add_band(plot, source, "lower", "upper", colour)
    line = plot.line("x", "yhat", source=source, line_color=colour, line_width=2, **line_style)
    bounds = "@lower{0,0.00} to @upper{0,0.00}"
    add_hover(plot, line, [(label, "@yhat{0,0.00}"), ("bounds", bounds)])


def create_level(level: float, *, dash: bool = False) -> Span:
    """A horizontal line across a plot."""
    return Span(
        location=level,
        dimension="width",
        line_color=colours.INK,
        line_alpha=0.6,
        line_dash=[4, 4] if dash else "solid",
    )
