"""What the producer says of its records, with kafka-python's producer replaced by a slow one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from kafka.future import Future

from include.bus.producer import Producer
from include.errors import Unreachable


class Place(NamedTuple):
    """What kafka-python gives of a record that was delivered."""

    partition: int
    offset: int


class SlowKafka:
    """Takes records and settles them when a test says so, in any order."""

    def __init__(self, **_settings: Any) -> None:
        self.futures: list[Future] = []

    def send(self, _topic: str, *, key: bytes, value: bytes) -> Future:
        assert key == b"k" and value
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Producer]:
    monkeypatch.setattr("include.bus.producer.KafkaProducer", SlowKafka)
    yield Producer("nowhere:1", client_id="test")


def futures(producer: Producer) -> list[Future]:
    return producer._producer.futures  # type: ignore[no-any-return]


def test_what_is_acknowledged_waits_no_longer(producer: Producer) -> None:
    for _ in range(2):
        producer.send("t", b"k", b"v")
    assert (producer.acknowledged, producer.pending_bytes) == (0, 4)
    for number, future in enumerate(futures(producer)):
        future.success(Place(0, number))
    assert (producer.acknowledged, producer.pending_bytes) == (2, 0)


def test_a_record_that_was_lost_is_never_acknowledged(producer: Producer) -> None:
    producer.send("t", b"k", b"v")
    producer.send("t", b"k", b"v")
    futures(producer)[0].failure(Unreachable("too late"))
    futures(producer)[1].success(Place(0, 11))
    assert (producer.acknowledged, producer.failed) == (1, 1)
    with pytest.raises(Unreachable, match="1 records were not delivered"):
        producer.send("t", b"k", b"v")


def test_a_delivery_is_reported_with_its_place(producer: Producer) -> None:
    places: list[tuple[int, int]] = []
    producer.send("t", b"k", b"v", delivered=lambda *place: places.append(place))
    futures(producer)[0].success(Place(2, 40))
    assert places == [(2, 40)]
