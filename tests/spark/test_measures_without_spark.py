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
from include.market.liquidity import book_flow
from include.market.measures import imbalance_of
from include.market.windows import BookFlow
from spark_jobs.transforms.liquidity import FLOW, book_flows
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


def text_of(flow: BookFlow) -> tuple[object, ...]:
    amounts = (flow.bid, flow.ask)
    return (*flow[:6], *(None if amount is None else f"{amount:.12f}" for amount in amounts))


def test_what_messages_add_and_imbalances_are_those_of_spark(spark: SparkSession) -> None:
    messages = awkward_messages()
    batch = parse_messages(
        records(spark, "market.book", [wire.encode(message) for message in messages]),
        TABLE_OF_TOPIC["market.book"],
    )
    rows = book_flows(batch).orderBy("offset").toArrow()
    by_spark = [
        BookFlow(*values) for values in zip(*(rows[name].to_pylist() for name in FLOW), strict=True)
    ]
    by_python = [book_flow(message) for message in messages]
    assert [text_of(flow) for flow in by_spark] == [text_of(flow) for flow in by_python], SEED
    assert len([flow for flow in by_spark if flow.bid and flow.ask]) > 100
    leans = {
        r["offset"]: r["value"] for r in measure_rows(batch).where("type = 'imbalance'").collect()
    }
    assert len(leans) == len(messages)
    for offset, message in enumerate(messages):
        assert message.top is not None
        assert leans[offset] == imbalance_of(message.top), (message.top, SEED)
