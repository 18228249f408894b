"""Ranges on the dashboard in real Chromium: a month, zoom, the address, annotations, a phone."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.bus import ensure_topics
from include.lake.tables import SIGNALS, TRADE_MINUTES
from include.serving.connection import transaction
from include.serving.tables import create_tables, upsert
from include.settings import Settings
from tests.support import chromium
from tests.support.browser_market import market
from tests.support.browser_page import MODEL, READY, dashboard, no_errors, text, url
from tests.support.chromium import Browser, browsing

pytestmark = pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "-")

DAYS = 30
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
TIMES = f"(() => {{ const r = {MODEL}('price_0').x_range; return [r.start, r.end] }})()"
POINTS = f"{MODEL}('price_0').renderers.map(r => r.data_source.length)"

CLICK = "(Bokeh.require('core/bokeh_events').ButtonClick)"


def serve_month(settings: Settings) -> None:
    """Minutes and signals of two symbols, thirty days up to now."""
    create_tables(settings.dsn())
    with transaction(settings.dsn()) as link, link.cursor() as cursor:
        cursor.execute("TRUNCATE trade_minutes, signals, annotations")
    minutes = [
        minute_row(symbol, number, level)
        for symbol, level in (("BTC-USD", 9000.0), ("ETH-USD", 600.0))
        for number in range(0, DAYS * 1440, 5)
    ]
    upsert(settings.dsn(), TRADE_MINUTES, minutes)
    windows = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "type": kind,
            "value": Decimal(f"{1.5 + value * math.sin(number / 900):.6f}"),
            "window_start": NOW - timedelta(minutes=number + 1),
            "timestamp": NOW - timedelta(minutes=number),
        }
        for number in range(0, DAYS * 1440, 15)
        for kind, value in (("price_volume", 0.4), ("bid", 0.2), ("ask", -0.3))
    ]
    upsert(settings.dsn(), SIGNALS, windows)


def minute_row(symbol: str, number: int, level: float) -> dict[str, Any]:
    price = Decimal(
        f"{level * (1 + 0.05 * math.sin(number / 3000) + 0.01 * math.sin(number / 97)):.2f}"
    )
    bought = Decimal(f"{1 + math.sin(number / 500):.4f}")
    row: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), price)
    return row | {
        "venue": "gemini",
        "symbol": symbol,
        "minute": NOW - timedelta(minutes=number),
        "total_count_buy": 3,
        "total_count_sell": 2,
        "total_base_buy": bought,
        "total_base_sell": Decimal(1),
        "total_quote_buy": bought * price,
        "total_quote_sell": price,
        "vwap": float(price),
        "complete": True,
        "liquidation_count": 0,
        "liquidated_base_buy": Decimal(0),
        "liquidated_base_sell": Decimal(0),
    }


def look(browser: Browser, folder: Path, name: str) -> None:
    """Keep what the window shows, for a person."""
    (folder / f"{name}.png").write_bytes(browser.picture())


def drag(browser: Browser, by: int) -> None:
    """Drag the price chart sideways by so many pixels."""
    x, y = browser.run(
        "const r = document.querySelector('.card.price').getBoundingClientRect();"
        "return [Math.round(r.left + r.width / 2), Math.round(r.top + 250)]"
    )
    browser.drag(x, y, by)


def pinch(browser: Browser, *, start: int, end: int) -> None:
    """Spread two fingers on the price chart, or bring them together; the address follows."""
    times, address = browser.run(f"return [{TIMES}, location.href]")
    x, y = browser.run(
        "const card = document.querySelector('.card.price');"
        "card.scrollIntoView({block: 'center'});"
        "const r = card.getBoundingClientRect();"
        "return [Math.round(r.left + r.width / 2), Math.round(r.top + r.height / 2)]"
    )
    browser.pinch(x, y, start=start, end=end)
    is_zoomed = "<" if start < end else ">"
    length = f"{times[1]} - {times[0]}"
    browser.wait(
        f"const [begin, end] = {TIMES}; return end - begin {is_zoomed} {length}", what="zoomed"
    )
    browser.wait(f"return location.href !== {json.dumps(address)}", what="the address follows")


def swipe(browser: Browser) -> None:
    """A finger that goes up over the price chart scrolls the page, and leaves the chart alone."""
    wanted = "matchMedia('(pointer: coarse)').matches"
    browser.wait(f"return {wanted}", what="a finger is what points")
    tools = f"{MODEL}('price_0').toolbar.tools"
    browser.wait(
        f"return {tools}.every(t => t.type !== 'PanTool' || !t.active)", what="charts let go"
    )
    browser.phone(390, 800)
    before = browser.run(
        "document.querySelector('.card.price').scrollIntoView({block: 'start'});"
        f"return [window.scrollY, {TIMES}]"
    )
    x, y = browser.run(
        "const r = document.querySelector('.card.price').getBoundingClientRect();"
        "return [Math.round(r.left + r.width / 2), Math.round(r.top + r.height * 0.6)]"
    )
    browser.swipe(x, y, by=-240)
    browser.wait(f"return window.scrollY > {before[0] + 120}", what="the page scrolls")
    assert browser.run(f"return {TIMES}") == before[1]
    browser.phone(390, 2600)


def test_a_month_is_chosen_zoomed_dragged_and_sent(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    serve_month(settings)
    with dashboard(settings, tmp_path), market(kafka_broker), browsing(tmp_path) as browser:
        browser.open(url(settings))
        browser.wait(READY, what="the page is drawn")
        assert browser.run("return location.search") == ""
        browser.run(f"{MODEL}('minutes').value = '30d'")
        browser.wait("return location.search.includes('from=')", what="the address has the times")
        browser.wait(f"return {text('price_head')}.includes('>past<')", what="the month is read")
        points = max(browser.run(f"return {POINTS}"))
        assert 700 < points < 3000, points
        look(browser, tmp_path, "month")
        month, whole = browser.run(f"return [{TIMES}, location.href]")
        browser.run(f"{MODEL}('closer').trigger_event(new {CLICK}())")
        browser.wait(f"return {TIMES}[0] > {month[0]}", what="half of it")
        browser.wait(f"return location.href !== {json.dumps(whole)}", what="half of it is shared")
        before, half = browser.run(f"return [{TIMES}, location.href]")
        drag(browser, 200)
        browser.wait(f"return {TIMES}[0] < {before[0]}", what="earlier")
        browser.wait(f"return location.href !== {json.dumps(half)}", what="earlier is shared")
        shared = browser.run("return location.href")
        shown = browser.run(f"return {TIMES}")
        assert shared.count("from=") == 1
        browser.run(f"{MODEL}('note').value = '<b>a spike</b>'")
        browser.wait(f"return {text('price_head')}.includes('a spike')", what="the note is listed")
        assert "&lt;b&gt;a spike" in browser.run(f"return {text('price_head')}")
        browser.open(shared + "&symbol=BTC-USD,ETH-USD")
        browser.wait(READY, what="the page is drawn again")
        browser.wait(
            f"return {text('compare_head')}.includes('ETH-USD gemini')", what="two symbols"
        )
        browser.wait(f"return {text('price_head')}.includes('a spike')", what="the note is there")
        assert browser.run(f"return {TIMES}") == pytest.approx(shown, abs=60_000)
        look(browser, tmp_path, "shared")
        browser.dark(True)
        look(browser, tmp_path, "dark")
        browser.phone(390, 2600)
        browser.wait("return window.innerWidth === 390", what="a phone")
        wide = "return document.documentElement.scrollWidth <= 390"
        browser.wait(wide, what="nothing sticks out sideways")
        look(browser, tmp_path, "phone")
        swipe(browser)
        pinch(browser, start=80, end=240)
        look(browser, tmp_path, "pinched")
        browser.run(f"{MODEL}('minutes').value = '30'")
        browser.wait("return !location.search.includes('from=')", what="the present again")
        browser.wait(f"return {text('price_head')}.includes('head live')", what="it is live")
        no_errors(browser)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=soon", "from=soon is not a time such as 2026-11-21T08:00"),
        ("symbol=%3Cscript%3Ealert(1)%3C/script%3E", "is no symbol such as BTC-USD"),
    ],
)
def test_a_bad_address_is_one_sentence_on_the_page(
    service_settings: Settings,
    kafka_broker: str,
    postgres_dsn: dict[str, Any],
    tmp_path: Path,
    query: str,
    sentence: str,
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    with dashboard(settings, tmp_path), browsing(tmp_path) as browser:
        browser.open(f"{url(settings)}?{query}")
        browser.wait(READY, what="the page is drawn")
        browser.wait(f"return {text('notice')}.includes({json.dumps(sentence)})", what="it is said")
        no_errors(browser)
