"""Orders at the simulated Gemini: none lost, none doubled, and the position is the venue's."""

import os
import signal
import time
from decimal import Decimal as D

import pytest

from include.errors import OrderRefused
from include.serving.journal import Journal
from include.setting_fields import Secret
from streaming.trader.brokers.gemini_rest import GeminiRest
from tests.support.faulty_road import KEY, NEW, SECRET, STATUS, WINDOWS, FaultyRoad, road, world
from tests.support.trader_world import World

__all__ = ["road", "world"]


MAIN, OTHER = "account = 'main'", "paper-eth"


def assert_the_other_is_done(world: World) -> None:
    """Hand-worked as in the kill tests: bought at 209,300 (200,000 over the bid) on paper."""
    assert [one.reasons for one in world.events("decision", OTHER)] == ["buy", "already_in", "sell"]
    assert [(one.broker, one.status) for one in world.events("order", OTHER)] == [
        ("paper", "filled"),
        ("paper", "filled"),
    ]
    assert len(world.rows(f"SELECT fill_id FROM fills WHERE account = '{OTHER}'")) == 2
    held = world.rows(
        f"SELECT currency, amount FROM balances WHERE account = '{OTHER}' ORDER BY currency"
    )
    assert held[0] == ("ETH", D(0))


def venue(road: FaultyRoad) -> GeminiRest:
    """The venue itself, asked past the road."""
    return GeminiRest(
        f"http://127.0.0.1:{road.venue_port}",
        key=Secret(KEY),
        secret=Secret(SECRET),
        next_nonce=lambda: time.time_ns() // 1000,
    )


def assert_agreement(world: World, road: FaultyRoad, *, placed: int) -> None:
    """The venue has what the journal has: orders by client id, executions, balances."""
    rest = venue(road)
    orders = world.rows(f"SELECT order_id, side, executed, status FROM orders WHERE {MAIN}")
    trades = rest.call("/v1/mytrades", symbol="btcusd")
    assert {one["client_order_id"] for one in trades} == {o[0] for o in orders if o[2]}
    for order_id, side, executed, status in orders:
        try:
            (at_venue,) = rest.call(STATUS, client_order_id=order_id)
        except OrderRefused:
            assert (executed, status) == (0, "cancelled")
            continue
        assert (at_venue["side"], D(at_venue["executed_amount"])) == (side, executed)
        assert executed > 0
    assert sum(1 for one in orders if one[2]) == placed
    fills = world.rows(f"SELECT fill_id FROM fills WHERE {MAIN}")
    assert sorted(fills) == sorted((str(one["tid"]),) for one in trades)
    held = dict(world.rows(f"SELECT currency, amount FROM balances WHERE {MAIN}"))
    truth = {one["currency"]: D(one["amount"]) for one in rest.call("/v1/balances")}
    assert held["BTC"] == truth["BTC"]
    assert abs(held["USD"] - truth["USD"]) < D("0.0000001")
    for kind in ("decision", "order", "fill"):
        ids = [getattr(one, f"{kind}_id") for one in world.events(kind)]
        assert len(ids) == len(set(ids))
        rows = world.rows(f"SELECT {kind}_id FROM {kind}s WHERE {MAIN}")
        assert sorted(ids) == sorted(row[0] for row in rows)
    assert SECRET not in world.log.read_text()
    assert KEY not in world.log.read_text()


def test_a_round_trip_at_the_venue(world: World, road: FaultyRoad) -> None:
    world.produce(WINDOWS)
    with world.trader():
        world.until_decided(3)
    assert [one.reasons for one in world.events("decision")] == ["buy", "already_in", "sell"]
    assert_agreement(world, road, placed=2)
    assert world.rows("SELECT amount FROM balances WHERE currency = 'BTC'") == [(D(0),)]


@pytest.mark.parametrize(
    ("point", "count", "placed"),
    [
        ("before intent", "1", 2),
        ("after intent", "1", 2),
        ("before commit", "3", 2),
        ("after commit", "3", 2),
        ("before commit", "6", 2),
    ],
)
def test_a_kill_loses_and_doubles_no_order(
    world: World, road: FaultyRoad, point: str, count: str, placed: int
) -> None:
    world.env["TICKHOUSE_TRADER_MORE_ACCOUNTS"] = f"{OTHER} symbol=ETH-USD broker=paper"
    world.produce(WINDOWS, symbol="ETH-USD")
    world.produce(WINDOWS)
    with world.trader(point, count) as process:
        assert process.wait(30) == -signal.SIGKILL
    with world.trader():
        world.until_decided(6)
    assert_agreement(world, road, placed=placed)
    assert_the_other_is_done(world)


def test_a_kill_between_sending_and_the_answer(world: World, road: FaultyRoad) -> None:
    road.faults = [(NEW, "held")]
    world.produce(WINDOWS)
    with world.trader() as process:
        assert road.held.wait(30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with world.trader():
        world.until_decided(3)
    assert road.seen.count(NEW) == 2
    assert_agreement(world, road, placed=2)


@pytest.mark.parametrize(
    ("faults", "tries"),
    [
        ([(NEW, "made, reply lost")], 2),
        ([(NEW, "made, then 500")], 2),
        ([(NEW, "made, junk 200"), (STATUS, "not made 502"), (STATUS, "not made")], 2),
        ([(NEW, "not made")], 3),
        ([(NEW, "not made 429")], 3),
        ([(NEW, "not made 503"), (STATUS, "not made 500")], 3),
    ],
)
def test_an_unknown_outcome_is_found_out(
    world: World, road: FaultyRoad, faults: list[tuple[str, str]], tries: int
) -> None:
    road.faults = list(faults)
    world.produce(WINDOWS)
    with world.trader():
        world.until_decided(3)
    assert not road.faults
    assert road.seen.count(NEW) == tries
    assert_agreement(world, road, placed=2)


def test_a_trader_whose_position_is_not_the_venues_refuses_to_trade(
    world: World, road: FaultyRoad
) -> None:
    world.produce(range(3, 4))
    with world.trader():
        world.until_decided(1)
    venue(road).call(
        NEW,
        symbol="btcusd",
        amount="0.001",
        price="1.00",
        side="sell",
        type="exchange limit",
        options=["immediate-or-cancel"],
    )
    with world.trader() as process:
        assert process.wait(30) != 0
    assert "position_differs" in world.log.read_text()


def test_nonces_rise_over_restarts_and_clock_steps(world: World) -> None:
    nonces = []
    for clock in (1000, 1000, 5, 2000):
        journal = Journal(world.settings.dsn())
        nonces += [journal.next_nonce(clock), journal.next_nonce(clock)]
        journal.close()
    assert nonces == [1000, 1001, 1002, 1003, 1004, 1005, 2000, 2001]
