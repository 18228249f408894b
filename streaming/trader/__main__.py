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
from streaming.trader.brokers import Broker, gemini
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.kill_points import KillPoints
from streaming.trader.metrics import TraderMetrics
from streaming.trader.session import Session
from streaming.trader.vetoes import Breaker

log = logging.getLogger("tickhouse.trader")
BACKOFF = Backoff(first_s=0.5, max_s=10.0)


def main() -> None:
    """Trade with the settings of the environment."""

    def serve(settings: Settings, stop: threading.Event) -> None:
        trader_metrics = TraderMetrics()
        serve_metrics(settings.metrics.trader, trader_metrics.metrics, host=settings.ports.host)
        trade(settings, stop, kill_points=trader_metrics)

    run_process("trader", serve)


def trade(
    settings: Settings,
    stop: threading.Event,
    *,
    forecasts: ForecastWatch | None = None,
    kill_points: KillPoints | None = None,
) -> None:
    """Run the session until `stop`; after an outage it goes on from the journal.

    `forecasts`: else those that the settings' world has published.

    Raises:
        TickhouseError: a fault that another try cannot help.
    """
    breaker = Breaker(
        failures=settings.trader.breaker_failures, cool_down_s=settings.trader.breaker_s
    )
    session = Session(
        TraderConfig.from_settings(settings),
        open_broker=partial(open_broker, settings, breaker),
        forecasts=forecasts
        or ForecastWatch(
            settings.forecasts_of(settings.trader.symbol),
            symbol=settings.trader.symbol,
            world=settings.world,
        ),
        kill_points=kill_points,
    )
    failures = 0  # in a row; a session that settled ends the row
    while not stop.is_set():
        try:
            session.run(stop.is_set)
        except Transient as error:
            log.warning(event("trader restarts its session", error=error))
            retry_after_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            failures = 0 if session.is_settled else failures
            stop.wait(max(BACKOFF.wait_s(failures), retry_after_s, breaker.open_s))
            failures += 1


def open_broker(settings: Settings, breaker: Breaker, journal: Journal) -> Broker:
    """The broker that the settings name; `breaker` outlives its sessions.

    Raises:
        SettingsError: there is no such broker, or it lacks its keys.
    """
    if settings.trader.broker == "paper":
        return PaperBroker(settings.trader.fee_bps)
    if settings.trader.broker == "gemini":
        return gemini.connect(settings, journal, breaker)
    raise SettingsError(f"trader broker {settings.trader.broker!r} is neither paper nor gemini")


if __name__ == "__main__":
    main()
