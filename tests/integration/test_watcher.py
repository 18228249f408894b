"""The watcher on a real broker and server: lag in messages and seconds, and the alert."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from include.bus import (
    Producer,
    TopicPartition,
    ensure_topics,
    message_times_ms,
    offset_ranges,
)
from include.errors import Unreachable
from include.market.events import LedgerEntry, Message
from include.serving.tables import create_tables
from include.settings import Settings
from streaming.watcher.__main__ import Watcher
from tests.support.alert_log import read_alerts
from tests.support.postgres import fetch_tuples
from tests.support.services import free_ports

PLACE = TopicPartition("market.ledger", 0)


def publish_ledger(kafka_broker: str, count: int) -> tuple[int, float, float]:
    """Put messages on the ledger; the first one's offset, and the times around the sending."""
    ensure_topics(kafka_broker)
    first = offset_ranges(kafka_broker, ["market.ledger"])[PLACE][1]
    began, producer = time.time(), Producer(kafka_broker, client_id="test")
    for number in range(count):
        producer.publish(
            Message(
                venue="gemini",
                symbol="BTC-USD",
                kind="ledger",
                conn="c",
                seq=(number, number),
                venue_time=None,
                received_time=number,
                events=(LedgerEntry("gap", "n"),),
            )
        )
    producer.close()
    return first, began, time.time()


def test_a_message_is_asked_when_it_was_stamped_and_an_end_has_no_message(
    kafka_broker: str,
) -> None:
    first, began, ended = publish_ledger(kafka_broker, 3)
    stamped = message_times_ms(kafka_broker, {PLACE: first + 1})
    assert began - 1 <= stamped[PLACE] / 1000 <= ended + 1
    assert message_times_ms(kafka_broker, {PLACE: first + 3}) == {}
    (port,) = free_ports(1)
    with pytest.raises(Unreachable):
        message_times_ms(f"127.0.0.1:{port}", {PLACE: 0})


def test_a_look_writes_the_lag_and_sends_one_alert_of_a_stream_that_is_late(
    kafka_broker: str, postgres_dsn: dict[str, Any], service_settings: Settings
) -> None:
    create_tables(postgres_dsn)
    first, _, _ = publish_ledger(kafka_broker, 3)
    home: Path = service_settings.home
    home.mkdir(parents=True, exist_ok=True)
    query = {"name": "land", "offsets": {"market.ledger": {"0": first + 1}}}
    (home / "stream.json").write_text(json.dumps({"written_at": 0, "queries": [query]}))
    object.__setattr__(service_settings.alerts, "lag_share", 0.0)  # any wait is too long
    watcher = Watcher(service_settings)
    watcher.watch_once()
    watcher.watch_once()
    ((name, behind, waiting),) = fetch_tuples(
        postgres_dsn,
        "SELECT query, behind, waiting_s FROM stream_lag WHERE topic = %s",
        ("market.ledger",),
    )
    assert (name, behind) == ("land", 2) and 0 < waiting < 120
    alerts = read_alerts(service_settings)  # of the machine's disk there may be one too
    (alert,) = (alert for alert in alerts if alert["what"] == "stream_lag")
    assert "2 messages of partition 0 wait" in alert["detail"]
