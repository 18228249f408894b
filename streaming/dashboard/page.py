"""One viewer's page: the panels, brought up to date from the shared views at every refresh."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.events import RangesUpdate, Tap
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import Div
from jinja2 import Template

from include.errors import QueryError, TickhouseError
from include.serving.annotations import add_annotation, remove_annotation
from include.settings import Settings
from include.settings.groups import DatabaseRole
from streaming.dashboard.choice import (
    RANGES,
    Address,
    Choice,
    format_address,
    make_span,
    parse_choice,
)
from streaming.dashboard.columns import Columns, find_change
from streaming.dashboard.controls import Controls, update_model
from streaming.dashboard.plots import ChartSources
from streaming.dashboard.view import IF_ANY, Panel, View, Views

HERE = Path(__file__).parent
TEMPLATE = Template((HERE / "page.html").read_text(), autoescape=False)
INSIDE = (HERE / "inside.css").read_text()
_GREY = {"opacity": "0.38", "filter": "grayscale(1)"}
_SOON_MS = 200
_READING = "reading the chosen times \N{HORIZONTAL ELLIPSIS}"


class Page:
    """The models of one session and what they show now."""

    def __init__(
        self,
        settings: Settings,
        views: Views,
        document: Document,
        address: Address | None = None,
    ) -> None:
        """Fill a new document and keep it up to date; `address` is what stands behind its `?`."""
        self._views, self._settings, self._document = views, settings, document
        self._sources = ChartSources(settings)
        self._charts = {name: panel.figure(self._sources) for name, panel in views.panels.items()}
        style = InlineStyleSheet(css=INSIDE)
        self._headings = {name: _div(f"{name}_head", style) for name in views.panels}
        self._beat, self._beats = _div("beat", style), 0
        self._address, self._notice = _div("address", style), _div("notice", style)
        self._fault, self._noted_s = "", 0
        minutes = settings.dashboard.minutes if settings.dashboard.minutes in RANGES else RANGES[1]
        accounts = settings.trader_accounts().items()
        self._symbol_by_account = {name: of.trader.symbol for name, of in accounts}
        self._default = Choice((settings.trader.symbol,), minutes)
        self._choice = self._read_address(address or {})
        self._axis: tuple[float, float] | None = None
        self._controls = Controls(
            style,
            choice=self._choice,
            symbol_by_account=self._symbol_by_account,
            now_s=lambda: views.now_s,
            on_choice=self._choose,
            on_fault=self._report,
        )
        self._controls.note.on_change("value", self._on_note)
        self._controls.remove.on_change("value", self._on_remove)
        self.refresh()
        self._fill()
        document.add_periodic_callback(self.refresh, int(settings.dashboard.refresh_s * 1000))

    def refresh(self) -> None:
        """Send what changed since the last time, and nothing else."""
        self._beats += 1
        self._beat.text = str(self._beats)
        self._controls.show(self._choice, tuple(self._views.symbols()))
        update_model(self._address, text=format_address(self._choice, self._default))
        try:
            view = self._views.show(self._choice)
        except (TickhouseError, OSError) as error:
            self._show_notice(f"the chosen times cannot be shown: {error}")
            return
        if view is None:
            self._show_notice(_READING)
            self._document.add_timeout_callback(self._refresh_soon, _SOON_MS)
            return
        self._show_notice(view.notice)
        self._controls.list_annotations(view.annotations)
        for name, panel in view.panels.items():
            self._show_charts(name, panel)
        self._set_ranges(view)
        for (
            name,
            panel,
        ) in view.panels.items():  # each change is sent by itself: what names them last
            update_model(self._headings[name], text=panel.html)

    def _refresh_soon(self) -> None:
        if self._notice.text and _READING in self._notice.text:
            self.refresh()

    def _read_address(self, address: Address) -> Choice:
        try:
            return parse_choice(
                address,
                self._default,
                now_s=self._views.now_s,
                symbol_by_account=self._symbol_by_account,
            )
        except QueryError as error:
            self._fault = f"{error}: this is the present"
            return self._default

    def _choose(self, choice: Choice) -> None:
        self._choice, self._fault, self._noted_s, self._axis = choice, "", 0, None
        self.refresh()

    def _report(self, sentence: str) -> None:
        self._fault = sentence
        self._show_notice("")

    def _show_notice(self, sentence: str) -> None:
        text = "; ".join(filter(None, (self._fault, sentence)))
        html = f'<p class="notice">{escape(text)}</p>' if text else ""
        update_model(self._notice, text=html, visible=bool(text))

    def _on_move(self, axes: RangesUpdate) -> None:
        """A viewer dragged or zoomed the time axis: its ends are the times of the next choice."""
        if axes.x0 is not None and axes.x1 is not None:
            span = make_span(axes.x0 / 1000, axes.x1 / 1000)
            self._choose(replace(self._choice, span=span))

    def _on_tap(self, tap: Tap) -> None:
        if tap.x is not None:
            self._noted_s = int(tap.x / 1000)
            moment = datetime.fromtimestamp(self._noted_s, UTC)
            update_model(self._controls.note, placeholder=f"note at {moment:%-d %b %H:%M:%S}")

    def _on_note(self, _attribute: str, _old: str, note: str) -> None:
        if not note:
            return
        span, symbol = self._choice.span, self._choice.symbol
        at_s = self._noted_s or (span.end_s if span else self._views.now_s)
        dsn, now = self._settings.dsn(DatabaseRole.DASHBOARD), datetime.now(UTC)
        self._write(lambda: add_annotation(dsn, symbol, at_s, note, now=now))
        self._controls.note.value = ""

    def _on_remove(self, _attribute: str, _old: str, annotation_id: str) -> None:
        if annotation_id:
            self._write(
                lambda: remove_annotation(self._settings.dsn(DatabaseRole.DASHBOARD), annotation_id)
            )
            self._controls.remove.value = ""

    def _write(self, write: Callable[[], object]) -> None:
        """Write to Postgres in a thread: while it hangs, the pages go on."""

        def run() -> None:
            sentence = ""
            try:
                write()
            except TickhouseError as error:
                sentence = str(error)
            self._document.add_next_tick_callback(partial(self._show_outcome, sentence))

        threading.Thread(target=run, name="annotations", daemon=True).start()

    def _show_outcome(self, sentence: str) -> None:
        self._fault = sentence
        self._views.forget_past()
        self.refresh()

    def _show_charts(self, name: str, panel: Panel) -> None:
        if name in IF_ANY:
            classes = ["unused"] if panel.freshness == "none" else []
            update_model(self._headings[name], css_classes=classes)
        for plot in self._charts[name].plots:
            update_model(plot, visible=panel.freshness != "none")
            update_model(plot, styles=_GREY if panel.freshness == "stale" else {})
        for source_name, columns in panel.columns.items():
            update_source(self._sources.by_name[source_name], columns)

    def _set_ranges(self, view: View) -> None:
        """Set the axes, the time axis unless the viewer is just dragging it."""
        times, axis = self._sources.times, (view.start_ms, view.end_ms)
        if self._axis in {None, (times.start, times.end)}:
            update_model(times, start=axis[0], end=axis[1])
            self._axis = axis
        for name, panel in view.panels.items():
            levels = self._charts[name].levels
            if levels and panel.limits:
                update_model(levels, start=panel.limits[0], end=panel.limits[1])

    def _fill(self) -> None:
        document = self._document
        document.title, document.template = "Tickhouse", TEMPLATE
        plot_counts = {name: len(chart.plots) for name, chart in self._charts.items()}
        document.template_variables["panels"] = plot_counts
        document.template_variables["has_accounts"] = len(self._symbol_by_account) > 1
        document.template_variables["style"] = (HERE / "page.css").read_text()
        document.template_variables["script"] = (HERE / "page.js").read_text()
        document.config.notify_connection_status = False
        with document.models.freeze():  # what the roots refer to is collected once
            for model in self._list_roots():
                document.add_root(model)

    def _list_roots(self) -> Iterator[Any]:
        yield from (self._beat, self._address, self._notice, *self._controls.models)
        for name, heading in self._headings.items():
            yield heading
            for index, plot in enumerate(self._charts[name].plots):
                plot.name = f"{name}_{index}"
                if plot.x_range is self._sources.times:
                    plot.on_event(RangesUpdate, self._on_move)
                    plot.on_event(Tap, self._on_tap)
                yield plot


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


def _div(name: str, style: InlineStyleSheet) -> Div:
    return Div(name=name, sizing_mode="stretch_width", stylesheets=[style], margin=0)
