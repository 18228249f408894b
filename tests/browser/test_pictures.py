"""Pictures of the running product for the documentation: `./tickhouse docs` puts them on its pages.

They are left in var/pictures, which git ignores.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.bus import ensure_topics
from include.settings import Settings
from tests.support import chromium
from tests.support.browser_market import Market, market
from tests.support.browser_page import (
    PICTURES,
    READY,
    dashboard,
    save_picture,
    serve_forecast,
    states,
    url,
)
from tests.support.chromium import Browser, browsing
from tests.support.documents import TEXTS
from tests.support.services import eventually

pytestmark = pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "-")

CARDS = {"prices": "price", "forecast": "outlook", "book": "book", "minutes": "flow"}


@pytest.fixture
def page(
    service_settings: Settings, kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path
) -> Iterator[tuple[Browser, Market, Settings]]:
    ensure_topics(kafka_broker)
    serve_forecast(service_settings)
    with (
        dashboard(service_settings, tmp_path, TICKHOUSE_DASHBOARD_STALE_S="60"),
        market(kafka_broker) as feed,
        browsing(tmp_path, height=2000) as browser,
    ):
        yield browser, feed, service_settings


def test_each_page_of_what_it_shows_gets_its_picture(
    page: tuple[Browser, Market, Settings],
) -> None:
    browser, feed, settings = page
    feed.signal("price_volume", "1.5")
    browser.open(url(settings))
    browser.wait(READY, what="the page is drawn")
    for panel in CARDS.values():
        eventually(lambda panel=panel: states(browser)[panel] == "live", what=f"{panel} fills")
    pictures = {name: save_picture(browser, name, f".card.{card}") for name, card in CARDS.items()}
    browser.open(url(settings) + "flows")
    browser.wait("return document.querySelectorAll('#records tbody tr').length > 3", what="records")
    browser.wait("return document.querySelectorAll('.topic rect').length > 100", what="counts")
    pictures["flows"] = save_picture(browser, "flows")
    for name, picture in pictures.items():
        assert len(picture.getcolors(1_000_000) or []) > 20, f"{name} shows something"
        assert f"<!-- picture: {name} -->" in TEXTS[f"docs/shows-{name}.md"]
        assert (PICTURES / f"{name}.png").stat().st_size < 200_000
