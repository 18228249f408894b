"""What the audit reads from Postgres: decisions, orders, signals, and what has yet to be sent."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from include.checks import Check
from include.clock import utc_now
from include.errors import Unreachable
from include.lake.audit.auditing import Delivered
from include.lake.audit.served import (
    TRADING,
    check_repeats,
    check_trading,
    find_due,
)
from include.lake.tables import TABLE_OF_TOPIC
from include.serving.audited_market import check_market_tables
from include.serving.audited_signals import audit_signals
from include.serving.connection import Row, fetch_rows
from include.settings import Settings
from include.settings.groups import DatabaseRole

ATTEMPTS, PAUSE_S = 4, 3.0  # what Kafka has got lands within seconds


def check_serving(settings: Settings, delivered: Delivered) -> list[Check]:
    """What Postgres serves against the lake: trading, signals, contracts, auctions; repeats."""
    checks = [check_repeats(settings.lake)]
    try:
        checks += [_check_trading(settings, delivered, name) for name in TRADING]
        dsn, days = settings.dsn(DatabaseRole.READER), settings.stream.served_days
        checks.append(audit_signals(dsn, settings.lake, keep_days=days))
        checks += check_market_tables(dsn, settings.lake, keep_days=days)
    except Unreachable as error:
        checks.append(Check("I3 serving", False, f"could not check: {error}"))
    return checks


def _check_trading(settings: Settings, delivered: Delivered, name: str) -> Check:
    decisions = _fetch_columns(settings, "decisions")
    served = decisions if name == "decisions" else _fetch_columns(settings, name)
    outbox = fetch_rows(settings.dsn(DatabaseRole.READER), "SELECT topic, value FROM outbox")
    topic = next(topic for topic, table in TABLE_OF_TOPIC.items() if table.name == name)
    unsent = [bytes(row["value"]) for row in outbox if row["topic"] == topic]
    is_due = find_due(name, decisions, keep_days=settings.stream.served_days, now=utc_now())
    if _is_waiting(delivered, topic):
        served, is_due = [], lambda _: False  # which of them wait in Kafka is not known yet
    return _check_patiently(settings.lake, name, served, unsent, is_due)


def _fetch_columns(settings: Settings, name: str) -> list[Row]:
    return fetch_rows(
        settings.dsn(DatabaseRole.READER), f"SELECT {', '.join(TRADING[name])} FROM {name}"
    )


def _is_waiting(delivered: Delivered, topic: str) -> bool:
    """Whether Kafka holds messages of the topic that the stream has not committed."""
    return any(
        delivered.committed.get(part, first) < end
        for part, (first, end) in delivered.kafka.items()
        if part.topic == topic
    )


def _check_patiently(
    lake: str,
    name: str,
    postgres_rows: Sequence[Row],
    unsent: list[bytes],
    is_due: Callable[[Mapping[str, Any]], bool],
) -> Check:
    def is_pending(key: str) -> bool:
        return any(f'"{key}"'.encode() in value for value in unsent)

    for _ in range(ATTEMPTS - 1):
        check = check_trading(lake, name, postgres_rows, is_pending=is_pending, is_due=is_due)
        if check.ok:
            return check
        time.sleep(PAUSE_S)
    return check_trading(lake, name, postgres_rows, is_pending=is_pending, is_due=is_due)
