"""The dashboard as a person sees it, in real headless Chromium, on a real broker and Postgres."""

import os
import signal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from include.bus import ensure_topics
from include.serving.connection import transaction
from include.serving.tables import create_tables
from include.settings import Settings
from tests.support import chromium
from tests.support.browser_market import market
from tests.support.browser_page import (
    MODEL,
    READY,
    STALE_S,
    dashboard,
    no_errors,
    save_picture,
    serve_anchored,
    serve_forecast,
    state,
    states,
    text,
    url,
)
from tests.support.chromium import Browser, browsing
from tests.support.services import eventually

pytestmark = pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "-")

GEMINI, FORECAST, BUY = (0x0A, 0xA8, 0x84), (0x9A, 0x6F, 0xD0), (0x3B, 0x8F, 0xD4)
WHITE = (255, 255, 255)
CUT_CELLS = """
const cells = [];
const walk = node => {
  if (node.shadowRoot) walk(node.shadowRoot);
  for (const child of node.children || []) {
    if (child.matches('table.accounts td')) cells.push(child);
    walk(child);
  }
};
walk(document.querySelector('.card.account'));
if (!cells.length) return ['no cell'];
return cells.filter(cell => {
  const r = cell.getBoundingClientRect();
  return r.left < 0 || r.right > window.innerWidth || cell.scrollWidth > cell.clientWidth + 1;
}).map(cell => cell.textContent);
"""


def drawn(browser: Browser, panel: str, colour: tuple[int, int, int]) -> int:
    """How many pixels of a panel's charts have about this colour."""
    rect = browser.run(
        f"const r = document.querySelector('.card.{panel}').getBoundingClientRect();"
        "return [r.left, r.top + 90, r.right, r.bottom]"
    )
    picture = Image.open(BytesIO(browser.picture())).convert("RGB").crop(rect)
    return sum(
        all(abs(a - b) <= 30 for a, b in zip(pixel, colour, strict=True))
        for pixel in picture.getdata()
    )


def test_panels_fill_numbers_change_and_a_stopped_feed_turns_grey(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    serve_forecast(settings)
    with (
        dashboard(settings, tmp_path),
        market(kafka_broker) as feed,
        browsing(tmp_path) as browser,
    ):
        feed.signal("price_volume", "1.5")
        browser.open(url(settings))
        browser.wait(READY, what="the page is drawn")
        assert browser.run("return document.title") == "Tickhouse"
        eventually(lambda: set(states(browser).values()) == {"live"}, what="all panels fill")
        before = browser.run(f"return {text('price_head')}")
        browser.wait(f"return {text('price_head')} !== {before!r}", what="the price moves")
        strip = browser.run(f"return {text('status_head')}")
        assert "Feed gemini" in strip and "Feed kraken" in strip
        eventually(lambda: drawn(browser, "price", GEMINI) > 40, what="the line is drawn")
        feed.silent.set()
        grey = f"return {state('price')} === 'stale' && {state('book')} === 'stale'"
        browser.wait(grey, timeout_s=STALE_S + 3, what="a stopped feed turns grey in time")
        dimmed = f"return JSON.stringify({MODEL}('price_0').styles).includes('grayscale')"
        browser.wait(dimmed, timeout_s=10, what="its chart is grey")
        eventually(lambda: drawn(browser, "price", GEMINI) == 0, what="no line in full colour")
        assert 'class="value"' not in browser.run(f"return {text('price_head')}")
        feed.silent.clear()
        browser.wait(f"return {state('price')} === 'live'", what="it lives again")
        no_errors(browser)
        outside = {
            address
            for address in browser.requested()
            if not address.startswith(("chrome:", "data:", "blob:"))
            and f"//127.0.0.1:{settings.ports.dashboard}/" not in address
        }
        assert outside == set(), "no request leaves this machine"


def test_each_symbol_has_its_forecast_put_at_its_price_of_now(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    create_tables(settings.dsn())
    with transaction(settings.dsn()) as link, link.cursor() as cursor:
        cursor.execute("TRUNCATE forecast_points, forecast_anchors")
    levels = {"BTC-USD": 9050.0, "ETH-USD": 650.0}
    for symbol, price in levels.items():
        serve_anchored(settings, symbol, price=price)
    with (
        dashboard(settings, tmp_path, TICKHOUSE_FORECAST_SYMBOLS="ETH-USD"),
        market(kafka_broker, symbols=tuple(levels)),
        browsing(tmp_path) as browser,
    ):
        browser.open(url(settings))
        browser.wait(READY, what="the page is drawn")
        for symbol, price in levels.items():
            browser.run(f"{MODEL}('symbol').value = '{symbol}'")
            await_drawn(browser, symbol, price)
            (tmp_path / f"{symbol}.png").write_bytes(browser.picture())
        no_errors(browser)


def await_drawn(browser: Browser, symbol: str, price: float) -> None:
    eventually(lambda: symbol in browser.run(f"return {text('price_head')}"), what=symbol)
    for source in ("forecast", "outlook"):
        eventually(lambda source=source: is_put(browser, source, price), what=f"{source} {symbol}")
    for panel, colour in (("price", FORECAST), ("outlook", FORECAST), ("price", GEMINI)):
        eventually(
            lambda panel=panel, colour=colour: drawn(browser, panel, colour) > 40,
            what=f"{panel} of {symbol} is drawn",
        )


def is_put(browser: Browser, source: str, price: float) -> bool:
    """Whether a forecast is drawn at a price from its anchor on, apart from what was published."""
    columns = browser.run(f"return Array.from({MODEL}('{source}').data.yhat)")
    if None not in columns:
        return False
    end, begin = columns.index(None), len(columns) - columns[::-1].index(None)
    published, put = columns[:end], columns[begin:]
    return (
        bool(published and put)
        and all(abs(level * 3 / price - 1) < 0.01 for level in published)
        and all(abs(level / price - 1) < 0.01 for level in put)
    )


def test_symbol_and_range_can_be_chosen_and_the_theme_switched(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    with (
        dashboard(settings, tmp_path, TICKHOUSE_TRADER_MORE_ACCOUNTS="second symbol=ETH-USD"),
        market(kafka_broker, symbols=("BTC-USD", "ETH-USD")),
        browsing(tmp_path, height=2600) as browser,
    ):
        browser.dark(True)
        browser.open(url(settings))
        browser.wait(READY, what="the page is drawn")
        theme = "return document.documentElement.dataset.theme"
        assert browser.run(theme) == "dark"
        for panel, colour in (("contract", BUY), ("auctions", FORECAST)):
            browser.wait(f"return {state(panel)} === 'live'", what=f"{panel} is drawn in the dark")
            eventually(lambda p=panel, c=colour: drawn(browser, p, c) > 30, what=f"{panel}'s line")
            save_picture(browser, f"{panel}-dark", f".card.{panel}")
            assert drawn(browser, panel, WHITE) < 300, f"no white ground of {panel}"
        browser.run("document.getElementById('theme').click()")
        assert browser.run(theme) == "light"
        span = f"(() => {{ const r = {MODEL}('price_0').x_range; return r.end - r.start }})()"
        minute = 60_000
        browser.wait(f"return {span} === {35 * minute}", what="30 minutes and 5 ahead")
        browser.run(f"{MODEL}('minutes').value = '120'")
        browser.wait(f"return {span} === {140 * minute}", what="2 hours and 20 minutes ahead")
        browser.run(f"{MODEL}('account').value = 'second'")
        symbol = f"return {MODEL}('symbol').value === 'ETH-USD'"
        browser.wait(symbol, what="an account brings its symbol")
        browser.wait("return location.search.includes('account=second')", what="the address")
        browser.phone(390, 2400)
        browser.wait("return window.innerWidth === 390", what="a phone")
        columns = "getComputedStyle(document.querySelector('main')).gridTemplateColumns"
        assert len(browser.run(f"return {columns}").split()) == 1, "one column"
        for panel in ("contract", "auctions"):  # ETH has none: no room is taken
            gone = f"return document.querySelector('.card.{panel}').offsetHeight === 0"
            browser.wait(gone, what=f"{panel} is gone")
        cut = browser.run(CUT_CELLS)
        assert cut == [], "every cell of the accounts is on the phone's page"
        wide = "return document.documentElement.scrollWidth <= 390"
        browser.wait(wide, what="nothing sticks out sideways")
        no_errors(browser)


def test_a_page_says_that_its_server_is_gone_and_comes_back_by_itself(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    with browsing(tmp_path) as browser:
        with dashboard(settings, tmp_path) as process:
            browser.open(url(settings))
            browser.wait(READY, what="the page is drawn")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            lost = "return document.body.classList.contains('lost')"
            browser.wait(lost, what="the page says it is old")
        (tmp_path / "dashboard.log").write_text("")
        with dashboard(settings, tmp_path):
            back = f"{READY} && !document.body.classList.contains('lost')"
            browser.wait(back, timeout_s=40, what="the page is back")
