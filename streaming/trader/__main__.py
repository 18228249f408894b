"""`python -m streaming.trader`: trade until SIGTERM."""

import logging
import threading
from collections.abc import Mapping
from functools import partial

from include.errors import RateLimited, SettingsError, Transient
from include.heartbeat import HEARTBEAT
from include.log import event
from include.metrics import serve_metrics
from include.process import run_process
from include.serving.journal import Journal
from include.settings import Settings
from streaming.trader.brokers import Broker, gemini
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import configure_accounts
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.kill_points import KillPoints, NoKillPoints
from streaming.trader.metrics import TraderMetrics
from streaming.trader.session import Session
from streaming.trader.traded_account import BACKOFF, AccountPlan
from streaming.trader.vetoes import Breaker

log = logging.getLogger("tickhouse.trader")


def main() -> None:
    """Trade with the settings of the environment."""

    def serve(settings: Settings, stop: threading.Event) -> None:
        trader_metrics = TraderMetrics(settings.trader_accounts())
        serve_metrics(settings.metrics.trader, trader_metrics.metrics, host=settings.ports.host)
        trade(
            settings,
            stop,
            kill_points=trader_metrics.shared,
            kill_points_by_account=trader_metrics.by_account,
        )

    run_process("trader", serve)


def trade(
    settings: Settings,
    stop: threading.Event,
    *,
    forecasts: ForecastWatch | None = None,
    kill_points: KillPoints | None = None,
    kill_points_by_account: Mapping[str, KillPoints] | None = None,
) -> None:
    """Run the session until `stop`; after an outage it goes on from the journal.

    `forecasts`: else those of each account's symbol that the settings' world has published.
    `kill_points` are those of every account that has none of its own.

    Raises:
        TickhouseError: a fault that another try cannot help.
    """
    shared = kill_points or NoKillPoints()
    by_account = kill_points_by_account or {}
    plans = [
        AccountPlan(
            config,
            open_broker=partial(open_broker, of_account, breaker := open_breaker(of_account)),
            forecasts=forecasts or watch_forecasts(of_account),
            kill_points=by_account.get(config.account, shared),
            breaker=breaker,
        )
        for of_account, config in configure_accounts(settings)
    ]
    session = Session(plans, shared)
    failures = 0  # in a row; a session that settled ends the row
    while not stop.is_set():
        try:
            session.run(HEARTBEAT.checks_with_beats(stop))
        except Transient as error:
            log.warning(event("trader restarts its session", error=error))
            retry_after_s = error.retry_after_s if isinstance(error, RateLimited) else 0.0
            failures = 0 if session.is_settled else failures
            open_s = min(plan.open_s for plan in plans)
            HEARTBEAT.wait(stop, max(BACKOFF.wait_s(failures), retry_after_s, open_s))
            failures += 1


def open_breaker(settings: Settings) -> Breaker:
    """The breaker of an account, which outlives its sessions."""
    trader = settings.trader
    return Breaker(failures=trader.breaker_failures, cool_down_s=trader.breaker_s)


def watch_forecasts(settings: Settings) -> ForecastWatch:
    """The watch of the forecasts of an account's symbol."""
    symbol = settings.trader.symbol
    return ForecastWatch(settings.forecasts_of(symbol), symbol=symbol, world=settings.world)


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
