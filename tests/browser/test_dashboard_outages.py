"""An open page while Postgres and then the broker are killed and come back: grey, then healed."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from include.bus import ensure_topics
from include.local import kafka, postgres
from include.serving.tables import create_tables
from include.settings import Settings
from tests.support import chromium
from tests.support.browser_market import market
from tests.support.browser_page import (
    READY,
    STALE_S,
    dashboard,
    no_errors,
    serve_forecast,
    state,
    states,
    text,
    url,
)
from tests.support.chromium import Browser, browsing
from tests.support.services import eventually, running

pytestmark = pytest.mark.skipif(bool(chromium.missing()), reason=chromium.missing() or "-")

SOON_S = STALE_S + 6
FROM_KAFKA = ("price", "book", "flow", "account")
AWAY = f"{text('status_head')}.includes('>Postgres<')"


@contextmanager
def broker(settings: Settings) -> Iterator[Any]:
    with running(kafka.build_command(settings), log=settings.home / "kafka.log") as process:
        eventually(lambda: kafka.answers(settings), what="the broker answers")
        yield process


@contextmanager
def database(settings: Settings) -> Iterator[Any]:
    user, log = postgres.system_user(), settings.home / "postgres.log"
    with running(postgres.build_command(settings), log=log, user=user, cwd=Path("/")) as process:
        eventually(lambda: postgres.answers(settings), what="Postgres answers")
        yield process


def kill(process: Any) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_the_page_outlives_postgres_and_the_broker(settings: Settings, tmp_path: Path) -> None:
    kafka.prepare(settings)
    postgres.prepare(settings)
    with ExitStack() as services:
        first_broker = services.enter_context(broker(settings))
        first_database = services.enter_context(database(settings))
        ensure_topics(settings.bootstrap)
        postgres.create_databases(settings)
        create_tables(settings.dsn())
        serve_forecast(settings)
        with (
            dashboard(settings, tmp_path),
            market(settings.bootstrap) as feed,
            browsing(tmp_path) as browser,
        ):
            feed.signal("price_volume", "1.5")
            browser.open(url(settings))
            browser.wait(READY, what="the page is drawn")
            eventually(lambda: set(states(browser).values()) == {"live"}, what="all panels live")
            kill(first_database)
            without_postgres(browser)
            services.enter_context(database(settings))
            browser.wait(f"return {state('outlook')} === 'live'", what="Postgres is back")
            browser.wait(f"return !{AWAY}", what="its tile is gone")
            kill(first_broker)
            without_kafka(browser)
            services.enter_context(broker(settings))
            feed.signal("price_volume", "1.6")
            eventually(lambda: set(states(browser).values()) == {"live"}, what="all live again")
            before = browser.run(f"return {text('price_head')}")
            browser.wait(f"return {text('price_head')} !== {before!r}", what="the price moves")
            no_errors(browser)
    log = (tmp_path / "dashboard.log").read_text()
    assert "postgres answers again" in log and "Traceback" not in log


def without_postgres(browser: Browser) -> None:
    browser.wait(f"return {state('outlook')} === 'stale'", timeout_s=SOON_S, what="outlook is grey")
    browser.wait(f"return {AWAY}", timeout_s=SOON_S, what="a tile says that Postgres is away")
    assert 'class="chip stale dashed"' in browser.run(f"return {text('price_head')}")
    assert states(browser)["price"] == "live", "what Kafka reports goes on"


def without_kafka(browser: Browser) -> None:
    grey = " && ".join(f"{state(panel)} === 'stale'" for panel in FROM_KAFKA)
    browser.wait(f"return {grey}", timeout_s=SOON_S, what="the market is grey")
    assert "stands since" in browser.run(f"return {text('status_head')}")
    assert 'class="value"' not in browser.run(f"return {text('price_head')}")
    assert states(browser)["outlook"] == "live", "what Postgres serves goes on"
