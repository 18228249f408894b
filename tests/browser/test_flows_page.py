"""The page of what flows in real Chromium: counts, a filter, one record, a phone, dark mode."""

import time
from pathlib import Path
from typing import Any

import pytest

from include.bus import Producer, ensure_topics, offset_ranges
from include.bus.record_counts import count_records
from include.market import wire
from include.settings import Settings
from tests.support import chromium
from tests.support.browser_market import market
from tests.support.browser_page import dashboard, no_errors, url
from tests.support.chromium import browsing
from tests.support.services import eventually

pytestmark = pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "-")

DELAY_FIRST_RECORDS = """
    const send = window.fetch;
    let count = 0;
    window.fetch = async (...request) => {
        const reply = await send(...request);
        if (!request[0].startsWith("flows/records?") || count++) return reply;
        await new Promise(done => setTimeout(done, 1500));
        setTimeout(() => { window.firstAnswered = true; }, 100);
        return reply;
    };
"""
ROWS = "[...document.querySelectorAll('#records tbody tr')]"


def test_counts_are_those_of_kafka(kafka_broker: str) -> None:
    ensure_topics(kafka_broker)
    start_ms = int(time.time() * 1000)
    producer = Producer(kafka_broker, client_id="counted")
    for number in range(7):
        producer.send("trading.scores", b"k", b"%d" % number)
    producer.close()
    end_ms = int(time.time() * 1000) + 1000
    edges_ms = [start_ms - 2000, start_ms - 1000, end_ms, end_ms + 1000]
    counts = count_records(kafka_broker, ["trading.scores", "trading.fills"], edges_ms)
    assert counts["trading.scores"] == [0, 7, 0]
    ranges = offset_ranges(kafka_broker, ["trading.scores"])
    total = sum(end - first for first, end in ranges.values())
    assert count_records(kafka_broker, ["trading.scores"], [0, end_ms]) == {
        "trading.scores": [total]
    }


def count_trades(bootstrap: str) -> int:
    ranges = offset_ranges(bootstrap, ["market.trades"])
    return sum(end - first for first, end in ranges.values())


def show_the_last_question_alone(browser: chromium.Browser) -> None:
    """The first of two answers comes after the second: it shows nothing."""
    browser.run(DELAY_FIRST_RECORDS)
    for topic in ("market.trades", "market.rejects"):
        browser.run(f"document.querySelector('[name=topic]').value = '{topic}'")
        browser.run("document.getElementById('filter').requestSubmit()")
    browser.wait("return window.firstAnswered === true", what="the overtaken answer came")
    kinds = browser.run(f"return [...new Set({ROWS}.map(r => r.cells[3].textContent))]")
    assert kinds == ["reject"]


def test_from_the_counts_to_one_record(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    settings = service_settings
    ensure_topics(kafka_broker)
    producer = Producer(kafka_broker, client_id="rejects")
    hostile = b"<img src=x onerror=alert(1)> half a frame"
    producer.publish(
        wire.reject_message(
            hostile, venue="gemini", conn="c", received_time=1, reason="<b>r", detail="d"
        )
    )
    producer.close()
    before = count_trades(kafka_broker)
    with dashboard(settings, tmp_path), market(kafka_broker), browsing(tmp_path) as browser:
        # The page asks for records once: those that are there when it opens.
        eventually(lambda: count_trades(kafka_broker) > before + 20, what="trades of both venues")
        browser.open(url(settings) + "flows?topic=market.trades&venue=kraken")
        browser.wait(f"return {ROWS}.length > 3", what="records are listed")
        venues = browser.run(f"return [...new Set({ROWS}.map(r => r.cells[1].textContent))]")
        assert venues == ["kraken"]
        topics = f"return document.querySelectorAll('.topic').length === {len(wire.TOPICS)}"
        browser.wait(topics, what="each topic has a row")
        total = "document.querySelector('.topic[data-topic=\"market.trades\"] .total').textContent"
        assert int(browser.run(f"return {total}").replace(",", "")) > 3
        browser.run(f"{ROWS}[0].click()")
        browser.wait("return !document.getElementById('record').hidden", what="one record")
        shown = browser.run("return document.getElementById('record').textContent")
        for part in ("market.trades / partition", "frame: conn", "lands in", '"trade_id"'):
            assert part in shown, part
        (tmp_path / "record.png").write_bytes(browser.picture())
        address = browser.run("return location.href")
        browser.open(address)
        browser.wait("return !document.getElementById('record').hidden", what="the same record")
        again = browser.run("return document.getElementById('place').textContent")
        assert again in shown
        browser.run("document.querySelector('.topic[data-topic=\"market.rejects\"]').click()")
        browser.run("document.querySelector('[name=venue]').value = ''")
        browser.run("document.getElementById('filter').requestSubmit()")
        browser.wait(f"return {ROWS}.some(r => r.cells[3].textContent === 'reject')", what="reject")
        browser.run(f"{ROWS}[0].click()")
        raw = "return document.getElementById('record').textContent.includes('half a frame')"
        browser.wait(raw, what="the frame as it was sent")
        assert browser.run("return document.querySelectorAll('#record img').length") == 0
        show_the_last_question_alone(browser)
        browser.run("document.querySelector('[name=text]').value = 'nothing has this'")
        browser.run("document.getElementById('filter').requestSubmit()")
        none = "return document.getElementById('records-notice').textContent.includes('no record')"
        browser.wait(none, what="it is said that there is none")
        browser.run("document.querySelector('[name=text]').value = ''")
        browser.run("document.getElementById('filter').requestSubmit()")
        browser.dark(True)
        browser.phone(390, 1800)
        browser.wait("return window.innerWidth === 390", what="a phone")
        narrow = "return document.documentElement.scrollWidth <= 390"
        eventually(lambda: browser.run(narrow), what="nothing sticks out sideways")
        (tmp_path / "phone.png").write_bytes(browser.picture())
        no_errors(browser)
