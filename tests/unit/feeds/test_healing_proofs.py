"""A hole closes only when the venue's pages prove it; healing resumes, and obeys the venue."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from include.market.events import LedgerEntry, Message
from include.market.time import SECOND_US
from include.market.venue_settings import Venues
from include.rate_limiter import RateLimiter
from include.state_files import write_checked_file
from streaming.feeds.fetch import Reply
from streaming.feeds.heal_gaps import read_refusals
from streaming.feeds.healer import Healer, Hole
from streaming.feeds.refill import trade_numbers
from streaming.feeds.registry import refills
from tests.support.venue_frames import AT_MS, AT_US

Answer = Callable[[str], Reply]


class Lake:
    """Lands everything at once."""

    def __init__(self, *holes: Hole) -> None:
        self.holes = list(holes)
        self.published: list[Message] = []

    def open_holes(self) -> list[Hole]:
        return self.holes

    def landed_numbers(self, hole: Hole) -> set[int]:
        trades = [m for m in self.published if m.kind == "trade" and m.venue == hole.venue]
        return {n for m in trades for n in trade_numbers(m) if hole.first <= n <= hole.last}

    def entries(self) -> list[LedgerEntry]:
        events = [event for message in self.published for event in message.events]
        return [event for event in events if isinstance(event, LedgerEntry)]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimiter, "claim", lambda *_: 0.0)


async def heal(
    lake: Lake,
    answer: Answer,
    *,
    refused_until: dict[str, int] | None = None,
    resume_at: dict[str, int] | None = None,
    at_us: int = AT_US,
) -> dict[str, object]:
    """One run; what it reports, and how often it asked."""
    asked: list[str] = []

    async def fetch(url: str, _headers: object) -> Reply:
        asked.append(url)
        return answer(url)

    healer = Healer(
        lake=lake,
        refills=refills(Venues()),
        fetch=fetch,
        publish=lake.published.append,
        flush=lambda: None,
        now_us=lambda: at_us,
        conn="heal-1",
        wait_s=0.01,
        refused_until={} if refused_until is None else refused_until,
        resume_at={} if resume_at is None else resume_at,
    )
    report = await healer.run()
    return report | {"asked": len(asked), "resume_at": healer.resume_at}


def aggregate(number: int, **fields: Any) -> dict[str, Any]:
    trade = {"a": number, "p": "1.0", "q": "1.0", "f": number, "l": number, "T": AT_MS, "m": True}
    return trade | fields


def binance(numbers: range, **odd: dict[str, Any]) -> Answer:
    """A Binance that lists these numbers, some of them odd."""

    def answer(url: str) -> Reply:
        query = parse_qs(urlparse(url).query)
        first, limit = int(query["fromId"][0]), int(query["limit"][0])
        listed = [n for n in numbers if n >= first][:limit]
        page = [aggregate(n, **odd.get(f"n{n}", {})) for n in listed]
        return Reply(200, json.dumps(page).encode())

    return answer


def gemini(*ids: int, page: int = 500) -> Answer:
    """A Gemini that still lists these trades."""

    def answer(url: str) -> Reply:
        since = int(parse_qs(urlparse(url).query)["since_tid"][0])
        listed = [n for n in ids if n > since][:page]
        trades = [
            {"tid": n, "timestampms": AT_MS, "price": "1", "amount": "1", "type": "buy"}
            for n in listed
        ]
        return Reply(200, json.dumps(trades[::-1]).encode())

    return answer


async def test_a_large_hole_closes_over_runs_that_go_on_where_the_last_ended() -> None:
    lake, venue = Lake(Hole("binance", "BTC-USDT", 1, 60_000)), binance(range(1, 70_000))
    first = await heal(lake, venue)
    assert (first["refilled"], first["healed"], first["asked"]) == (50_000, 0, 50)
    assert "goes on at 50001" in str(first["open"])
    second = await heal(lake, venue)
    assert (second["refilled"], second["healed"], second["asked"]) == (10_000, 1, 10)


async def test_a_large_hole_of_ids_with_holes_closes_over_runs_too() -> None:
    ids = range(10, 1_200_000, 10)
    lake, venue = Lake(Hole("gemini", "BTC-USD", 1, 1_100_000)), gemini(1, *ids)
    first = await heal(lake, venue)
    assert (first["healed"], first["asked"], lake.entries()) == (0, 200, [])
    second = await heal(lake, venue, resume_at=first["resume_at"])  # type: ignore[arg-type]
    assert (second["healed"], second["open"], second["resume_at"]) == (1, [], {})
    assert len(lake.landed_numbers(lake.holes[0])) == 110_001


async def test_a_hole_whose_begin_is_no_longer_listed_begins_anew_each_run() -> None:
    lake = Lake(Hole("gemini", "BTC-USD", 1, 1_100_000))
    first = await heal(lake, gemini(*range(10, 1_200_000, 10)))
    assert first["resume_at"] == {}


async def test_numbers_that_the_venue_leaves_out_keep_the_hole_open() -> None:
    lake = Lake(Hole("binance", "BTC-USDT", 1, 10))
    found = await heal(lake, binance(range(4, 20)))
    assert (found["healed"], found["refilled"]) == (0, 7)
    assert "lists 7 of 10 trades" in str(found["open"])
    assert "lists no trade" in str((await heal(lake, binance(range(0))))["open"])


async def test_a_placeholder_of_a_page_is_a_lost_number_and_the_others_are_refilled() -> None:
    lake = Lake(Hole("binance", "BTC-USDT", 3, 7))
    empty = {"p": "0.00000000", "q": "0.00000000", "f": -1, "l": -1}
    found = await heal(lake, binance(range(1, 20), n5=empty, n6={"p": "1.123456789"}))
    assert (found["healed"], found["refilled"]) == (1, 3)
    assert lake.entries() == [
        LedgerEntry("lost", "empty at the venue", 5, 5),
        LedgerEntry("lost", "empty at the venue", 6, 6),
        LedgerEntry("healed", "refilled by REST", 3, 7),
    ]


@pytest.mark.parametrize(
    ("ids", "is_healed"),
    [
        ((), False),
        ((6, 7, 8, 9, 10, 11), False),  # it has forgotten what was before 6
        ((11, 12, 13), False),
        ((0, 1, 2), False),  # nothing says that no trade follows before 10
        ((0, 3, 7, 11), True),
        ((1, 5, 10), True),
        ((0, 11), True),  # no trade lay in the hole
    ],
)
async def test_a_gemini_hole_closes_when_its_pages_reach_from_end_to_end(
    ids: tuple[int, ...], is_healed: bool
) -> None:
    for page in (500, 2):
        lake = Lake(Hole("gemini", "BTC-USD", 1, 10))
        found = await heal(lake, gemini(*ids, page=page))
        assert found["healed"] == is_healed, page
        assert (found["open"] == []) == is_healed
        assert lake.landed_numbers(lake.holes[0]) == {n for n in ids if 1 <= n <= 10}


async def test_a_gemini_trade_of_another_type_is_a_trade_without_a_side() -> None:
    trades = [
        {"tid": n, "timestampms": AT_MS, "price": "1", "amount": "1", "type": kind}
        for n, kind in ((1, "auction"), (2, "sell"))
    ]
    lake = Lake(Hole("gemini", "BTC-USD", 1, 2))
    found = await heal(lake, lambda _url: Reply(200, json.dumps(trades).encode()))
    assert found["healed"] == 1
    sides = [message.events[0].side for message in lake.published[:2]]  # type: ignore[union-attr]
    assert sides == [None, "sell"]


@pytest.mark.parametrize("status", [418, 429, 503])
async def test_a_venue_that_asks_to_wait_is_asked_nothing_more(status: int) -> None:
    holes = [Hole("gemini", "BTC-USD", n * 100, n * 100 + 5) for n in range(200)]
    lake = Lake(*holes, Hole("binance", "BTC-USDT", 1, 5))

    def answer(url: str) -> Reply:
        if "since_tid" in url:
            return Reply(status, b"", "60")
        return binance(range(1, 10))(url)

    found = await heal(lake, answer)
    assert (found["asked"], found["healed"]) == (2, 1)
    assert len(found["open"]) == 200 and "60 s" in str(found["open"])  # type: ignore[arg-type]


async def test_the_next_run_waits_as_long_as_the_venue_asked_the_one_before(tmp_path: Path) -> None:
    lake, refused_until = Lake(Hole("binance", "BTC-USDT", 1, 5)), dict[str, int]()
    refusal = Reply(429, b"", "1800")
    assert (await heal(lake, lambda _: refusal, refused_until=refused_until))["asked"] == 1
    path = tmp_path / "refusals.json"
    write_checked_file(path, refused_until)
    quarter_later, later = AT_US + 900 * SECOND_US, AT_US + 1800 * SECOND_US
    kept = read_refusals(path, now_us=quarter_later)
    found = await heal(lake, binance(range(1, 9)), refused_until=kept, at_us=quarter_later)
    assert found["asked"] == 0 and "another 900 s" in str(found["open"])
    kept = read_refusals(path, now_us=later)
    assert (await heal(lake, binance(range(1, 9)), refused_until=kept, at_us=later))["healed"] == 1


def test_a_refusal_that_is_damaged_or_by_a_wrong_clock_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "refusals.json"
    assert read_refusals(path, now_us=AT_US) == {}
    write_checked_file(path, {"binance": AT_US + 3601 * SECOND_US, "gemini": AT_US + SECOND_US})
    assert read_refusals(path, now_us=AT_US) == {"gemini": AT_US + SECOND_US}
    path.write_bytes(b"")
    assert read_refusals(path, now_us=AT_US) == {}


async def test_all_holes_of_a_venue_share_one_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    claims: list[RateLimiter] = []
    monkeypatch.setattr(RateLimiter, "claim", lambda self, _now: claims.append(self) or 0.0)
    lake = Lake(*(Hole("binance", "BTC-USDT", n * 100, n * 100 + 5) for n in range(5)))
    assert (await heal(lake, binance(range(1000))))["healed"] == 5
    assert len(claims) == 5 and len(set(map(id, claims))) == 1


async def test_the_largest_hole_is_asked_for_without_a_list_of_its_numbers() -> None:
    lake = Lake(Hole("binance", "BTC-USDT", 1, 10**12))
    found = await heal(lake, binance(range(1, 500)))
    assert (found["refilled"], found["healed"]) == (499, 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("99999999999", 3600),
        ("9" * 400, 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("0", 1),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("7", 7),
    ],
)
def test_a_venue_may_ask_for_an_hour_at_most_and_a_second_at_least(
    header: str, seconds: float
) -> None:
    assert Reply(429, b"", header).wait_s(now_s=1_760_000_000, otherwise=60) == seconds
