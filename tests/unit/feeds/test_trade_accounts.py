"""Any market over two connections: each trade is published once, and what lacks is in the ledger.

The model knows nothing of the code: it makes trades, numbers them, and lets the venue count anew.
The stories are the same in every run.
"""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.market.events import LedgerEntry
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.trade_sequence import ContiguousTrades

LAG = 8  # trades that one of two connections may be behind the other


@dataclass(frozen=True)
class Made:
    number: int
    at: int
    count: int  # how often the venue had begun again


@dataclass
class Story:
    """What happened: the trades, and who brought which of them in which order."""

    trades: list[Made]
    brought: list[tuple[int, Made]]  # connection, trade


@st.composite
def stories(draw: st.DrawFn, *, step: int) -> Story:
    trades, number, count, at = [], draw(st.integers(50, 10**6)), 0, 10**9
    since_reset = 0
    for _ in range(draw(st.integers(2, 60))):
        since_reset += 1
        event = draw(st.sampled_from(["next"] * 12 + ["reset", "leap"]))
        if event == "reset" and since_reset > 2 * LAG and number > 3 * LAG:
            since_reset = 0
            number, count = draw(st.integers(0, number - 3 * LAG)), count + 1
        elif event == "leap":
            number += draw(st.sampled_from([2, 30, 700, 10**7, 10**13]))
        else:
            number += draw(st.integers(1, step))
        at += draw(st.integers(1, 3_000))
        trades.append(Made(number, at, count))
    lost = draw(st.sets(st.integers(1, len(trades)), max_size=6))
    begins, ends = sorted(draw(st.integers(1, len(trades))) for _ in range(2))
    waiting = [list(enumerate(trades))[:ends], list(enumerate(trades))[begins:]]
    brought = []
    while any(waiting):
        fronts = [part[0][0] if part else len(trades) + LAG for part in waiting]
        side = draw(st.sampled_from([n for n in (0, 1) if fronts[n] < min(fronts) + LAG]))
        if waiting[side]:
            place, trade = waiting[side].pop(0)
            if place not in lost and (side == 0 or brought):
                brought.append((side, trade))
    return Story(trades, brought)


Published = list[Made | LedgerEntry]


def publish(story: Story, kind: type[ContiguousTrades] | type[RisingIds]) -> Published:
    shared: dict[str, int] = {}
    connections = [kind(shared, "X"), kind(shared, "X")]
    published: Published = []
    for side, trade in story.brought:
        entries = connections[side].take(trade.number, trade.at)
        if entries is not None:
            published += [*entries, trade]
    return published


def assert_each_once(story: Story, published: Published) -> None:
    trades = [one for one in published if isinstance(one, Made)]
    assert len(trades) == len(set(trades)), "published twice"
    assert set(trades) == {trade for _, trade in story.brought}, "dropped"


def has_begun_again(story: Story) -> bool:
    """Whether one connection alone brought a number that is not above an earlier trade's."""
    newest: Made | None = None
    for _, trade in story.brought:
        if newest and trade.at > newest.at:
            if trade.number <= newest.number and trade.count > newest.count:
                return True
            newest = trade
        newest = newest or trade
    return False


@settings(max_examples=300, deadline=None, derandomize=True)
@given(stories(step=1))
def test_contiguous_numbers_are_accounted_for(story: Story) -> None:
    published = publish(story, ContiguousTrades)
    assert_each_once(story, published)
    entries = [one for one in published if isinstance(one, LedgerEntry)]
    kinds = {entry.entry for entry in entries}  # one that goes on behind a jump was a wild one
    assert not has_begun_again(story) or kinds & {"renumbered", "jump"}
    brought = {trade for _, trade in story.brought}
    holes = [(entry.first_seq or 0, entry.last_seq or 0) for entry in entries]
    firsts = {trade.count: trade for trade in reversed(story.trades) if trade in brought}
    for trade in set(story.trades) - brought:
        later = [one for one in brought if one.count == trade.count and one.at > trade.at]
        is_between = trade.count in firsts and firsts[trade.count].at < trade.at and len(later) > 1
        if is_between:
            assert any(first <= trade.number <= last for first, last in holes), trade


@settings(max_examples=300, deadline=None, derandomize=True)
@given(stories(step=9))
def test_rising_ids_are_accounted_for(story: Story) -> None:
    published = publish(story, RisingIds)
    assert_each_once(story, published)
    entries = {one.entry for one in published if isinstance(one, LedgerEntry)}
    assert not has_begun_again(story) or "renumbered" in entries


def take(numbers: tuple[int, ...], *, step_us: int = 1000) -> list[str]:
    """The entries that a sequence makes of these numbers, after which each was published."""
    trades, entries = ContiguousTrades({}, "X"), []
    for place, number in enumerate(numbers):
        made = trades.take(number, 10**9 + place * step_us)
        assert made is not None, number
        entries += [f"{e.entry} {e.first_seq}-{e.last_seq}" for e in made]
    return entries


@pytest.mark.parametrize("step_us", [0, 1000])
def test_a_reset_into_an_open_hole_is_reported(step_us: int) -> None:
    numbers = (15, 10**12, 10**12 + 1, 16, 17, 18, 19, 21)
    hole = f"16-{10**12 - 1}"
    assert take(numbers, step_us=step_us) == [
        f"jump {hole}",
        f"gap {hole}",
        f"renumbered 16-{10**12 + 1}",
        f"renumbered 16-{10**12 + 1}",
        "gap 20-20",
    ]


def test_a_reset_into_a_small_hole_is_known_by_its_time() -> None:
    assert take((15, 40, 16, 17, 19)) == [
        "gap 16-39",
        "renumbered 16-40",
        "renumbered 16-40",
        "gap 18-18",
    ]


def test_an_older_trade_of_a_number_that_was_taken_for_the_next_is_published_once() -> None:
    trades, entries = ContiguousTrades({}, "X"), list[object]()
    older = [(n, 100 + n) for n in (61, 62)]
    begun_again = [(63, 200), (64, 201)]  # by the connection that is ahead
    late = [(63, 163), (64, 164)]
    for number, at in (*older, *begun_again, *late):
        entries.append(trades.take(number, at))
    assert entries == [()] * 6
    assert [trades.take(*one) for one in (*begun_again, *late)] == [None] * 4


def test_an_id_that_comes_again_later_while_it_is_unconfirmed_is_another_trade() -> None:
    trades = ContiguousTrades({"X": 5000}, "X")
    assert trades.take(0, 10) and trades.take(0, 10) is None
    assert trades.take(0, 20) == (LedgerEntry("renumbered", "unconfirmed", 0, 5000),)


@pytest.mark.parametrize(
    ("brought", "entries"),
    [
        # an older connection brings a number of two counts
        ([(169, 0), (872, 75), (172, 23), (172, 74)], ["gap 170-871", "renumbered 172-872"]),
        # a number of before the venue began again is taken for the first of the new count
        (
            [(76, 0), (81, 71), (45, 16), (80, 70)],
            ["gap 77-80", "renumbered 45-81"],
        ),
        # what fills a hole is newer than the number behind the hole: the hole waits for another
        (
            [(58, 0), (60, 10), (61, 20), (62, 90), (59, 30), (59, 5), (63, 6_000_000)],
            ["gap 59-59", "renumbered 59-62", "healed 59-59"],
        ),
        # late numbers of the count before lie behind what was known of it
        (
            [(84, 81), (120, 0), (85, 108), (86, 130), (122, 34), (123, 53), (120, 0), (85, 108)],
            ["gap 85-119", "renumbered 85-120", "renumbered 85-120", "gap 121-121"],
        ),
        # and before it
        (
            [(268, 41), (296, 0), (270, 66), (271, 67), (264, 16), (265, 17), (264, 16)],
            ["gap 269-295", "renumbered 270-296", "renumbered 270-296", "gap 265-267"],
        ),
        # a first number far above what an older connection brings
        ([(10_000, 50), (42, 1), (44, 2), (10_001, 60)], ["jump 43-9999"]),
    ],
)
def test_what_a_venue_that_begins_again_makes_uncertain_is_reported(
    brought: list[tuple[int, int]], entries: list[str]
) -> None:
    trades, reported, taken = ContiguousTrades({}, "X"), list[str](), list[tuple[int, int]]()
    for trade in brought:
        made = trades.take(*trade)
        taken += [trade] if made is not None else []
        reported += [f"{one.entry} {one.first_seq}-{one.last_seq}" for one in made or ()]
    assert (sorted(taken), reported) == (sorted(set(brought)), entries)


def test_an_id_that_an_older_connection_has_yet_to_bring_of_the_count_before_is_published() -> None:
    ids = RisingIds({}, "X")
    brought = [(686_601, 6342), (686_601, 10), (686_601, 6342), (686_601, 10)]
    taken = [ids.take(*trade) is not None for trade in brought]
    assert taken == [True, True, False, False]
