"""One viewer's page: the panels, brought up to date from the shared views at every refresh."""

from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import Div, Select
from jinja2 import Template

from include.settings import Settings
from streaming.dashboard.columns import Columns, find_change
from streaming.dashboard.plots import ChartSources
from streaming.dashboard.view import RANGES, Panel, View, Views

HERE = Path(__file__).parent
TEMPLATE = Template((HERE / "page.html").read_text(), autoescape=False)
INSIDE = (HERE / "inside.css").read_text()
_GREY = {"opacity": "0.38", "filter": "grayscale(1)"}
_HOUR_MINUTES = 60


class Page:
    """The models of one session and what they show now."""

    def __init__(self, settings: Settings, views: Views, document: Document) -> None:
        """Fill a new document and keep it up to date."""
        self._views = views
        self._sources = ChartSources(settings)
        self._charts = {name: panel.figure(self._sources) for name, panel in views.panels.items()}
        style = InlineStyleSheet(css=INSIDE)
        self._headings = {name: _div(f"{name}_head", style) for name in views.panels}
        self._beat, self._beats = _div("beat", style), 0
        minutes = settings.dashboard.minutes if settings.dashboard.minutes in RANGES else RANGES[1]
        self._symbol = _select("symbol", views.symbols(), settings.trader.symbol, style)
        labels = [(str(length), _range_name(length)) for length in RANGES]
        self._minutes = _select("minutes", labels, str(minutes), style)
        for select in (self._symbol, self._minutes):
            select.on_change("value", self._on_choice)
        self.refresh()
        self._fill(document)
        document.add_periodic_callback(self.refresh, int(settings.dashboard.refresh_s * 1000))

    def refresh(self) -> None:
        """Send what changed since the last time, and nothing else."""
        view = self._views.view(self._symbol.value, int(self._minutes.value))
        self._beats += 1
        self._beat.text = str(self._beats)
        _set(self._symbol, options=self._views.symbols())
        for name, panel in view.panels.items():
            self._show(name, panel)
        self._set_ranges(view)

    def _on_choice(self, _attr: str, _old: Any, _new: Any) -> None:
        self.refresh()

    def _show(self, name: str, panel: Panel) -> None:
        _set(self._headings[name], text=panel.html)
        for plot in self._charts[name].plots:
            _set(plot, visible=panel.freshness != "none")
            _set(plot, styles=_GREY if panel.freshness == "stale" else {})
        for source_name, columns in panel.columns.items():
            update_source(self._sources.by_name[source_name], columns)

    def _set_ranges(self, view: View) -> None:
        _set(self._sources.times, start=view.start_ms, end=view.end_ms)
        for name, panel in view.panels.items():
            levels = self._charts[name].levels
            if levels and panel.limits:
                _set(levels, start=panel.limits[0], end=panel.limits[1])

    def _fill(self, document: Document) -> None:
        document.title, document.template = "Tickhouse", TEMPLATE
        plot_counts = {name: len(chart.plots) for name, chart in self._charts.items()}
        document.template_variables["panels"] = plot_counts
        document.template_variables["style"] = (HERE / "page.css").read_text()
        document.template_variables["script"] = (HERE / "page.js").read_text()
        document.config.notify_connection_status = False
        for model in (self._beat, self._symbol, self._minutes):
            document.add_root(model)
        for name, heading in self._headings.items():
            document.add_root(heading)
            for index, plot in enumerate(self._charts[name].plots):
                plot.name = f"{name}_{index}"
                document.add_root(plot)


def update_source(source: Any, new: Columns) -> None:
    """Bring a source to these columns by the smallest message."""
    change = find_change(source.data, new)
    if change is None:
        return
    if change.replace:
        source.data = {name: list(values) for name, values in new.items()}
        return
    if change.patches:
        source.patch(change.patches)
    if change.rows:
        source.stream(change.rows, rollover=change.rollover)


def _set(model: Any, **properties: Any) -> None:
    new_values = {name: new for name, new in properties.items() if getattr(model, name) != new}
    if new_values:
        model.update(**new_values)


def _div(name: str, style: InlineStyleSheet) -> Div:
    return Div(name=name, sizing_mode="stretch_width", stylesheets=[style], margin=0)


def _select(name: str, options: Any, selected: str, style: InlineStyleSheet) -> Select:
    return Select(
        name=name, options=options, value=selected, stylesheets=[style], width=120, margin=0
    )


def _range_name(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < _HOUR_MINUTES else f"{minutes // _HOUR_MINUTES} h"
