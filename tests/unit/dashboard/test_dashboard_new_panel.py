"""A panel is one module and one entry of the registry; the page needs no other change."""

from types import SimpleNamespace

import pytest
from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.resources import CDN

from include.settings import load
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import render_heading
from streaming.dashboard.page import Page
from streaming.dashboard.panels import PANELS
from streaming.dashboard.plots import Chart, ChartSources, create_plot
from streaming.dashboard.state import DashboardState
from streaming.dashboard.view import Panel, Views


def compute(context: PanelContext) -> Panel:
    heading = render_heading("Clock", freshness="live", age_s=0, value=f"{context.last_s}")
    return Panel(heading, {"clock": {"x": [1.0, 2.0], "y": [3.0, float(context.last_s)]}})


def figure(sources: ChartSources) -> Chart:
    plot = create_plot(100, times=sources.times)
    plot.line("x", "y", source=sources.create("clock", "x", "y"))
    return Chart([plot])


CLOCK = SimpleNamespace(compute=compute, figure=figure)


def test_a_panel_is_one_module_and_one_entry() -> None:
    state, settings, document = DashboardState(600, clock_us=7_000_000), load({}), Document()
    times = iter([100.0, 200.0])
    views = Views(settings, state, PANELS | {"clock": CLOCK}, clock=lambda: next(times))
    page = Page(settings, views, document)
    heading, plot = document.get_model_by_name("clock_head"), document.get_model_by_name("clock_0")
    assert '<span class="value">7</span>' in heading.text
    (line,) = plot.renderers
    assert line.data_source.data == {"x": [1.0, 2.0], "y": [3.0, 7.0]}
    state.clock_us = 8_000_000
    page.refresh()
    assert '<span class="value">8</span>' in heading.text
    assert line.data_source.data["y"] == [3.0, 8.0]
    variables = document.template_variables
    html = file_html(document, CDN, template=document.template, template_variables=variables)
    cards = [html.index(f'aria-label="{name}"') for name in ("price", "account", "clock")]
    assert cards == sorted(cards), "in the order of the registry"


def test_two_panels_cannot_draw_one_source() -> None:
    settings, state = load({}), DashboardState(600)
    views = Views(settings, state, PANELS | {"clock": CLOCK, "copy": CLOCK})
    with pytest.raises(ValueError, match="two figures have a source named clock"):
        Page(settings, views, Document())
