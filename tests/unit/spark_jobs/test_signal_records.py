"""A signal as a record of market.signals, and which signal a record is."""

import json
from decimal import Decimal as D

import pytest

from include.bus import Record
from include.market.signals import PublishedSignal
from include.market.wire import Topic
from spark_jobs.signal_publisher import encode, signal_key

SIGNAL = PublishedSignal("gemini", "BTC-USD", "bid", D("1.5"), 60_000_000, 120_000_000)


def record(value: bytes) -> Record:
    return Record(Topic.SIGNALS, 0, 7, 0, b"gemini|BTC-USD", value)


def test_a_signal_is_sent_with_twelve_decimals_and_times_in_microseconds() -> None:
    assert encode(SIGNAL) == (
        b'{"v":1,"venue":"gemini","symbol":"BTC-USD","type":"bid","value":"1.500000000000",'
        b'"timestamp":120000000,"window_start":60000000}'
    )
    assert b'"value":"0.000000000001"' in encode(SIGNAL._replace(value=D("1e-12")))


def test_a_record_is_the_signal_of_its_window() -> None:
    assert signal_key(record(encode(SIGNAL))) == ("gemini", "BTC-USD", "bid", 60_000_000)


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": 60_000_000}, {"v": 2}, {"value": "much"}, {"venue": None}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_moment_another_version_and_junk_are_no_signal_of_a_window(
    changes: dict[str, object],
) -> None:
    fields = json.loads(encode(SIGNAL)) | changes
    assert signal_key(record(json.dumps(fields).encode())) is None


def test_what_is_no_text_is_no_signal() -> None:
    assert signal_key(record(b'{"v":1,"venue":"\xff"}')) is None
