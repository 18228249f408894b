"""One viewer's page: the charts, brought up to date from the shared board every refresh."""

from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import Div, Select
from jinja2 import Template

from include.settings import Settings
from streaming.dashboard.board import PANELS, RANGES, Board, View
from streaming.dashboard.charts import charts
from streaming.dashboard.panels.difference import change
from streaming.dashboard.panels.prices import Columns
from streaming.dashboard.shown import Section

HERE = Path(__file__).parent
TEMPLATE = Template((HERE / "page.html").read_text(), autoescape=False)
INSIDE = (HERE / "inside.css").read_text()
_GREY = {"opacity": "0.38", "filter": "grayscale(1)"}


class Page:
    """The models of one session and what they show now."""

    def __init__(self, settings: Settings, board: Board, document: Document) -> None:
        """Fill a new document and keep it up to date."""
        self._board = board
        self._charts = charts(settings)
        style = InlineStyleSheet(css=INSIDE)
        self._heads = {name: _div(f"{name}_head", style) for name in PANELS}
        self._strip, self._beat = _div("strip", style), _div("beat", style)
        minutes = settings.dashboard.minutes if settings.dashboard.minutes in RANGES else RANGES[1]
        self._symbol = _select("symbol", board.symbols(), settings.trader.symbol, style)
        labels = [(str(one), _range_name(one)) for one in RANGES]
        self._minutes = _select("minutes", labels, str(minutes), style)
        self._beats = 0
        for select in (self._symbol, self._minutes):
            select.on_change("value", self._chosen)
        self.refresh()
        self._open(document)
        document.add_periodic_callback(self.refresh, int(settings.dashboard.refresh_s * 1000))

    def refresh(self) -> None:
        """Send what changed since the last time, and nothing else."""
        view = self._board.view(self._symbol.value, int(self._minutes.value))
        self._beats += 1
        self._beat.text = str(self._beats)
        _set(self._strip, text=view.strip)
        _set(self._symbol, options=self._board.symbols())
        for name, section in view.panels.items():
            self._show(name, section)
        self._ranges(view)

    def _chosen(self, _attr: str, _old: Any, _new: Any) -> None:
        self.refresh()

    def _show(self, name: str, section: Section) -> None:
        _set(self._heads[name], text=section.html)
        for plot in self._charts.figures[name]:
            _set(plot, visible=section.state != "none")
            _set(plot, styles=_GREY if section.state == "stale" else {})
        for source, columns in section.columns.items():
            update(self._charts.sources[source], columns)

    def _ranges(self, view: View) -> None:
        _set(self._charts.times, start=view.start, end=view.end)
        for name, levels in self._charts.levels.items():
            if limits := view.panels[name].limits:
                _set(levels, start=limits[0], end=limits[1])

    def _open(self, document: Document) -> None:
        document.title, document.template = "Tickhouse", TEMPLATE
        document.template_variables["style"] = (HERE / "page.css").read_text()
        document.template_variables["script"] = (HERE / "page.js").read_text()
        document.config.notify_connection_status = False
        for model in (self._strip, self._beat, self._symbol, self._minutes):
            document.add_root(model)
        for name, head in self._heads.items():
            document.add_root(head)
            for place, plot in enumerate(self._charts.figures[name]):
                plot.name = f"{name}_{place}"
                document.add_root(plot)


def update(source: Any, columns: Columns) -> None:
    """Bring a source to these columns by the smallest message."""
    found = change(source.data, columns)
    if found is None:
        return
    if found.replace:
        source.data = {name: list(values) for name, values in columns.items()}
        return
    if found.patches:
        source.patch(found.patches)
    if found.rows:
        source.stream(found.rows, rollover=found.rollover)


def _set(model: Any, **values: Any) -> None:
    changed = {name: value for name, value in values.items() if getattr(model, name) != value}
    if changed:
        model.update(**changed)


def _div(name: str, style: InlineStyleSheet) -> Div:
    return Div(name=name, sizing_mode="stretch_width", stylesheets=[style], margin=0)


def _select(name: str, options: Any, value: str, style: InlineStyleSheet) -> Select:
    return Select(name=name, options=options, value=value, stylesheets=[style], width=120, margin=0)


def _range_name(minutes: int) -> str:
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} h"  # noqa: PLR2004
