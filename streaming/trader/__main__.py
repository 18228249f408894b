"""`python -m streaming.trader`: trade until SIGTERM."""

import logging
import threading
from functools import partial

from include.backoff import Backoff
from include.errors import RateLimited, SettingsError, Transient
from include.log import event
from include.metrics import serve_metrics
from include.process import run_process
from include.serving.journal import Journal
from include.settings import Settings
from streaming.trader.breaker import Breaker
from streaming.trader.brokers import Broker, PaperBroker
from streaming.trader.desk import Reached, nothing
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.gemini_broker import connected
from streaming.trader.session import run
from streaming.trader.steps import Steps

log = logging.getLogger("tickhouse.trader")
BACKOFF = Backoff(first_s=0.5, most_s=10.0)


def main() -> None:
    """Trade with the settings of the environment."""

    def work(settings: Settings, stop: threading.Event) -> None:
        steps = Steps()
        serve_metrics(settings.metrics.trader, steps.metrics, host=settings.ports.host)
        trade(settings, stop, reached=steps)

    run_process("trader", work)


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
            log.warning(event("trader starts over", error=error))
            asked_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            stop.wait(max(BACKOFF.wait_s(failures), asked_s, breaker.open_s))
            failures += 1


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
