"""`doctor`, and its repair of Postgres: a world's own servers run for as long as that takes.

Where the trader's account is lost, Kafka runs too: it has what the lake has not landed yet.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from include.clock import utc_now
from include.errors import PlatformError, TickhouseError
from include.forecast.anchors import ForecastServer
from include.local import kafka, object_store, postgres
from include.local.scratch import run_in_background, wait_for
from include.serving.account_states import HALTS, restore_halts
from include.serving.annotations import NOTES, restore_notes
from include.serving.connection import fetch_rows
from include.serving.preparation import create_serving_database
from include.serving.rebuild import rebuild
from include.serving.trade_minutes import closing_time
from include.settings import Settings

IS_LOST = """
SELECT 1 AS row WHERE NOT EXISTS (SELECT 1 FROM trader_state WHERE name = 'account')
AND (EXISTS (SELECT 1 FROM decisions) OR EXISTS (SELECT 1 FROM balances))
"""
RestoreAccount = Callable[[Settings], bool]


def rebuild_postgres(settings: Settings, *, restore_account: RestoreAccount) -> list[str]:
    """Make what Postgres serves equal the lake, and the trader's account if it is lost.

    Gives a line for each thing that was done. `restore_account` fills a journal without an account
    from the lake and Kafka, and returns whether they knew one.

    Raises:
        TickhouseError: a server does not start, or a table of the lake is damaged.
    """
    with ExitStack() as servers:
        servers.enter_context(_postgres(settings))
        postgres.create_databases(settings)
        create_serving_database(settings)
        rows = rebuild(settings.dsn(), settings.lake, keep_days=settings.stream.served_days)
        rows["forecasts"] = ForecastServer(settings).serve(end_at=closing_time(utc_now()))
        counts = ", ".join(f"{count} {name}" for name, count in rows.items() if count)
        lines = [f"Postgres: filled from the lake ({counts or 'which has nothing yet'})"]
        if notes := restore_notes(settings.dsn(), settings.home / NOTES):
            lines.append(f"Postgres: {notes} notes of the dashboard put back")
        if fetch_rows(settings.dsn(), IS_LOST):
            servers.enter_context(run_broker(settings))
            if restore_account(settings):
                lines.append("trader: account and journal rebuilt from the lake and Kafka")
        if halts := restore_halts(settings.dsn(), settings.home / HALTS):
            lines.append(f"trader: {halts} halts put back; ./tickhouse trader resume ends them")
    return lines


@contextmanager
def _postgres(settings: Settings) -> Iterator[None]:
    if settings.postgres.host:
        yield
        return
    postgres.prepare(settings)
    command = postgres.build_command(settings)
    with run_in_background(command, user=postgres.system_user(), cwd="/"), _name_server("Postgres"):
        wait_for(lambda: postgres.answers(settings), "Postgres")
        yield


@contextmanager
def run_broker(settings: Settings) -> Iterator[None]:
    """The world's own brokers for as long as the block lasts; another one's are there already."""
    if settings.kafka.bootstrap and not settings.cluster.is_started:
        yield
        return
    with ExitStack() as servers, _name_server("the broker"):
        nodes = kafka.list_nodes(settings)
        for node in nodes:
            servers.enter_context(run_in_background(kafka.build_command(settings, node)))
        for node in nodes:
            wait_for(partial(kafka.answers, settings, node), node.name)
        yield


@contextmanager
def run_store(settings: Settings) -> Iterator[None]:
    """The object store of `up --cluster` for as long as the block lasts, if it does not run."""
    if not settings.cluster.is_started or object_store.answers(settings):
        yield
        return
    object_store.prepare(settings)
    with (
        run_in_background(object_store.build_command(settings)),
        _name_server("the object store"),
    ):
        wait_for(lambda: object_store.answers(settings), "object store")
        yield


@contextmanager
def _name_server(server: str) -> Iterator[None]:
    try:
        yield
    except TickhouseError as error:
        raise PlatformError(f"{server} could not be used for the repair: {error}") from error
