"""A signal becomes an order in time: the measurement itself, made small."""

import time

from bench.orders import measure


def test_times_are_measured_from_real_orders_and_in_order() -> None:
    began = time.perf_counter()
    found = {row.name: row for row in measure(orders=40, print_line=lambda _: None)}
    took_ms = (time.perf_counter() - began) * 1000
    sent, answered = found["signal_to_order_sent_p99"], found["signal_to_order_answered_p99"]
    assert 0 < found["signal_to_order_sent_p50"].value <= sent.value
    assert sent.value < answered.value < took_ms
    assert answered.peer_value > 0
    assert all(row.unit == "ms" for row in found.values())
