"""`python -m streaming.trader`: trade until SIGTERM."""

import logging
import random
import signal
import sys
import threading
from functools import partial

from include import metrics
from include.errors import RateLimited, SettingsError, TickhouseError, Transient
from include.log import event, start_logging
from include.serving.journal import Journal
from include.settings import Settings, from_environment
from streaming.trader.breaker import Breaker
from streaming.trader.brokers import Broker, PaperBroker
from streaming.trader.desk import Reached, nothing
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.gemini_broker import connected
from streaming.trader.session import run
from streaming.trader.steps import Steps

log = logging.getLogger("tickhouse.trader")
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.5, 10.0


def main() -> None:
    """Trade with the settings of the environment."""
    start_logging("trader")
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    try:
        settings, steps = from_environment(), Steps()
        metrics.serve(settings.metrics.trader, steps.figures, host=settings.ports.host)
        trade(settings, stop, reached=steps)
    except TickhouseError as error:
        log.error(event("trader ends", error=error))
        sys.exit(1)
    log.info(event("trader stopped"))


def trade(settings: Settings, stop: threading.Event, *, reached: Reached = nothing) -> None:
    """Run sessions until `stop`; after an outage the next one goes on from the journal.

    Raises:
        TickhouseError: a fault that another try cannot help.
    """
    forecasts = ForecastWatch(
        settings.forecasts, symbol=settings.trader.symbol, world=settings.world
    )
    breaker = Breaker(
        failures=settings.trader.breaker_failures, cool_down_s=settings.trader.breaker_s
    )
    failures = 0
    while not stop.is_set():
        try:
            run(
                settings,
                broker=partial(broker_of, settings, breaker),
                forecasts=forecasts,
                stopped=stop.is_set,
                reached=reached,
            )
        except Transient as error:
            longest = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0 ** min(failures, 10))
            log.warning(event("trader starts over", error=error))
            failures += 1
            asked_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            stop.wait(max(longest * random.uniform(0.5, 1.0), asked_s, breaker.open_s))


def broker_of(settings: Settings, breaker: Breaker, journal: Journal) -> Broker:
    """The broker that the settings name; `breaker` outlives its sessions.

    Raises:
        SettingsError: there is no such broker, or it lacks its keys.
    """
    if settings.trader.broker == "paper":
        return PaperBroker(settings.trader.fee_bps)
    if settings.trader.broker == "gemini":
        return connected(settings, journal, breaker)
    raise SettingsError(f"trader broker {settings.trader.broker!r} is neither paper nor gemini")


if __name__ == "__main__":
    main()
