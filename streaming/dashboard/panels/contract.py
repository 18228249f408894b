"""Contracts of a base: mark and index price, funding of eight hours, open interest."""

import math
from operator import attrgetter

from streaming.dashboard import colours
from streaming.dashboard.columns import Columns, build_line, last_number
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import format_number, render_chip, render_heading
from streaming.dashboard.plots import Chart, ChartSources, add_hover, create_level, create_plot
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.view import Panel

_LINES = ("mark", "index", "open_interest", "funding_8h")
_PERCENT = 100


def compute(context: PanelContext) -> Panel:
    """The symbol itself if it is a contract, else the first contract of the same base."""
    venue, symbol, series = find_contract(context) or ("", "", MarketSeries(0))
    values = series.contracts.select(context.first_s, context.last_s)
    gap_s = max(context.settings.dashboard.quiet_s, context.step_s)
    columns = dict[str, Columns]()
    for name in _LINES:
        read = attrgetter(name)
        points = [(second, read(of)) for second, of in values if read(of) is not None]
        columns[f"contract_{name}"] = build_line(points, step_s=context.step_s, gap_s=gap_s)
    funding = columns["contract_funding_8h"]
    funding["y"] = [share * _PERCENT for share in funding["y"]]
    freshness = context.venue_freshness(venue, series.contract_seen_s) if values else "none"
    html = render_heading(
        f"Contract {symbol} {venue}".rstrip(),
        freshness=freshness,
        age_s=context.age_s(series.contract_seen_s),
        chips=_chips(columns, symbol.partition("-")[0]),
        waiting_for=f"waiting for a contract of {context.symbol.partition('-')[0]}",
    )
    return Panel(html, columns, freshness)


def find_contract(context: PanelContext) -> tuple[str, str, MarketSeries] | None:
    """Venue, symbol and series of the contract to show; null if there is none."""
    base = context.symbol.partition("-")[0]
    contracts = [
        (symbol != context.symbol, symbol, venue)
        for (venue, symbol), series in context.state.series.items()
        if series.contract_seen_s and symbol.partition("-")[0] == base
    ]
    if not contracts:
        return None
    _, symbol, venue = min(contracts)
    return venue, symbol, context.state.series[venue, symbol]


def _chips(contract_lines: dict[str, Columns], base: str) -> list[str]:
    last = {name: last_number(contract_lines[f"contract_{name}"]["y"]) for name in _LINES}
    mark, index = last["mark"] or math.nan, last["index"] or math.nan
    texts = {
        "mark": format_number(mark),
        "index": format_number(index),
        "basis": f"{(mark / index - 1) * 10_000:+.1f} bps",
        "funding, 8 h": f"{math.nan if last['funding_8h'] is None else last['funding_8h']:+.4f} %",
        "open interest": f"{format_number(last['open_interest'] or math.nan, digits=0)} {base}",
    }
    inks = (colours.BUY, colours.SELL, colours.INK, colours.FORECAST, colours.EQUITY)
    pairs = zip(texts.items(), inks, strict=True)
    return [render_chip(name, text, colour=ink) for (name, text), ink in pairs if "nan" not in text]


def figure(sources: ChartSources) -> Chart:
    """Mark and index above, then the funding, the open interest below."""
    top = create_plot(140, times=sources.times, label="mark, index")
    for name, colour in (("index", colours.SELL), ("mark", colours.BUY)):
        source = sources.create(f"contract_{name}", "x", "y")
        line = top.line("x", "y", source=source, line_color=colour, line_width=1.8)
        add_hover(top, line, [(name, "@y{0,0.00}")])
    plots = [top]
    for name, label, number_format, colour in (
        ("funding_8h", "funding, %", "0.[0000]", colours.FORECAST),
        ("open_interest", "open interest", "0,0", colours.EQUITY),
    ):
        plot = create_plot(110, times=sources.times, label=label, number_format=number_format)
        source = sources.create(f"contract_{name}", "x", "y")
        line = plot.line("x", "y", source=source, line_color=colour, line_width=1.8)
        add_hover(plot, line, [(label, f"@y{{{number_format}}}")])
        if name == "funding_8h":
            plot.add_layout(create_level(0))
            plot.y_range.renderers = [line]
        plots.append(plot)
    return Chart(plots)
