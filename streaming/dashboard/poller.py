"""The one slower thread that looks into Postgres and the world's folder for all viewers."""

import logging
import threading
from dataclasses import dataclass, field

from include.backoff import Backoff
from include.errors import Unreachable
from include.log import event
from include.settings import Settings
from streaming.dashboard import served as look
from streaming.dashboard.live import Live

log = logging.getLogger("tickhouse.dashboard")
MOST_WAIT_S = 15.0
SELDOM = 5
FILES_S = 5.0


@dataclass
class Latest:
    """What was seen last; each attribute is replaced whole."""

    served: look.Served = field(default_factory=look.Served)
    files: look.Files = field(default_factory=look.Files)


def poll_database(settings: Settings, live: Live, latest: Latest, stop: threading.Event) -> None:
    """Look every `dashboard.poll_s` until `stop`; wait longer and longer while it is away."""
    failures = looks = 0
    backoff = Backoff(first_s=settings.dashboard.poll_s, most_s=MOST_WAIT_S)
    while not stop.is_set():
        queries = look.often(settings)
        if looks % SELDOM == 0 and live.clock_us:
            keep_s = live.keep_s
            queries |= look.seldom(settings, clock_us=live.clock_us, keep_s=keep_s)
        try:
            found = look.ask(settings.dsn(), queries, timeout_s=settings.dashboard.query_s)
        except Unreachable as error:
            if not failures:
                log.warning(event("postgres is away", error=error))
            failures += 1
            stop.wait(backoff.wait_s(failures))
            continue
        if failures:
            log.info(event("postgres is back", after_tries=failures))
        failures, looks = 0, looks + (1 if live.clock_us else 0)
        latest.served = look.looked(latest.served, found)
        _tell(live, found, window_s=settings.stream.window_s)
        stop.wait(settings.dashboard.poll_s)


def poll_files(settings: Settings, latest: Latest, stop: threading.Event) -> None:
    """Read the world's files every few seconds until `stop`."""
    while not stop.is_set():
        latest.files = look.files(settings)
        stop.wait(FILES_S)


def _tell(live: Live, found: dict[str, list[tuple[object, ...]]], *, window_s: int) -> None:
    with live.lock:
        for fact, at in look.facts(found, window_s=window_s):
            live.trading.take(fact, at)
        for venue, symbol, minute, flow in look.minutes(found):
            live.of(venue, symbol).minutes.settle(minute, flow)
        for venue, symbol, second, ratio in look.ratios(found):
            live.of(venue, symbol).ratios.put(second, ratio)
        for balance in look.balances(found):
            live.trading.balances[balance.currency] = balance.amount
