"""Windows and imbalances worked out without Spark are the stream's, digit for digit.

A replay's decisions equal the running trader's only if these do. Awkward numbers on purpose: all
eight and ten decimals, tiny and large.
"""

import random
from decimal import Decimal as D

from pyspark.sql import SparkSession

from include.lake.tables import TABLE_OF_TOPIC
from include.market import wire
from include.market.events import BookChange, Message, Top
from include.market.liquidity import Windows
from include.market.measures import imbalance_of
from spark_jobs.transforms.liquidity import book_events, signal_rows, window_sums
from spark_jobs.transforms.measures import measure_rows
from spark_jobs.transforms.messages import parse_messages
from tests.support.kafka_records import records

START_US = 1_524_546_840 * 1_000_000
SEED = 20180424


def number(rng: random.Random, *, places: int, largest: int) -> D:
    return D(rng.randint(1, 10 ** rng.randint(1, largest + places))).scaleb(-places)


def awkward_messages() -> list[Message]:
    rng, messages = random.Random(SEED), []
    for n in range(400):
        changes = tuple(
            BookChange(
                rng.choice(["bid", "ask"]),
                number(rng, places=8, largest=5),
                number(rng, places=10, largest=4),
                venue_event_id=n,
            )
            for _ in range(rng.randint(1, 3))
        )
        bid = number(rng, places=8, largest=5)
        top = Top(
            bid,
            number(rng, places=10, largest=6),
            bid + D("0.01"),
            number(rng, places=10, largest=6),
        )
        at = START_US + n * 1_000_000
        messages.append(Message("gemini", "BTC-USD", "book", "c", (n, n), at, at, changes, top))
    return messages


def test_sums_ratios_and_imbalances_are_those_of_spark(spark: SparkSession) -> None:
    messages = awkward_messages()
    batch = parse_messages(
        records(spark, "market.book", [wire.encode(message) for message in messages]),
        TABLE_OF_TOPIC["market.book"],
    )
    rows = signal_rows(window_sums(book_events(batch), window_s=60)).collect()
    by_spark = {
        (int(r["window_start"].timestamp()) * 1_000_000, r["type"]): r["value"] for r in rows
    }
    windows = Windows(window_s=60, watermark_s=10)
    windows_closed = [window for message in messages for window in windows.take(message)]
    assert len(windows_closed) == 6, f"seed {SEED}"
    for window in windows_closed:
        for kind, value in (
            ("bid", window.bid),
            ("ask", window.ask),
            ("price_volume", window.ratio),
        ):
            assert str(by_spark[window.window_start, kind]) == f"{value:.12f}", (kind, SEED)
    leans = {
        r["offset"]: r["value"] for r in measure_rows(batch).where("type = 'imbalance'").collect()
    }
    assert len(leans) == len(messages)
    for offset, message in enumerate(messages):
        assert message.top is not None
        assert leans[offset] == imbalance_of(message.top), (message.top, SEED)
