"""A venue of one value and one folder: every part that goes by the venues covers it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from cli.documenting import COMPOSE, PROMETHEUS, generated_files
from include.lake.audit.completeness import check_completeness
from include.local.programs import list_programs
from include.local.worlds import simulated_addresses
from include.market import wire
from include.market.events import Frame, LedgerEntry, Message
from include.market.venue_settings import Venues
from include.market.venues import VENUES
from include.settings import list_variables, load
from streaming.dashboard import colours
from streaming.feeds import venues as folders
from streaming.feeds.fetch import Reply
from streaming.feeds.heal_gaps import DeltaLake
from streaming.feeds.healer import Healer, Hole
from streaming.feeds.last_trade_ids import LastTradeIds
from streaming.feeds.registry import refills, stream_specs
from streaming.trader.followers.imbalances import has_book_time
from streaming.trader.vetoes import Gaps
from tests.support import fourth_venue
from tests.support.fourth_venue import ACME
from tests.support.landed_rows import land, ledger, trade

FOLDER = f"{folders.__name__}.{ACME.name}"


@pytest.fixture(autouse=True)
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The value among the venues, the folder among the folders; nothing else."""
    monkeypatch.setitem(VENUES, ACME.name, ACME)
    monkeypatch.setattr(folders, "__path__", [*folders.__path__, *fourth_venue.__path__])
    yield
    for name in [name for name in sys.modules if name.startswith(FOLDER)]:
        del sys.modules[name]


def frame(number: int) -> bytes:
    return f"BTC/USD {number} buy 100.5 0.25 1700000000000".encode()


def messages(*numbers: int) -> list[Message]:
    (spec,) = stream_specs("acme", venues=Venues())
    decoder = spec.decoder("c", {})
    return [
        message
        for number in numbers
        for message in decoder.decode(Frame(frame(number), 9)).messages
    ]


def landed(offset: int, number: int, *, s: float = 0) -> dict[str, object]:
    row = trade(offset, str(number), "buy", "1", "1", s=s)
    return row | {"venue": "acme", "symbol": "BTC-USD", "seq_first": number, "seq_last": number}


def lake(tmp_path: Path, *, with_gap: bool) -> str:
    """Trades 5, 6, 9, 10 and a book whose connection lacks frame 1; the ledger knows, or not."""
    numbers = [(5, 0), (6, 1), (9, 2), (10, 120)]
    land(tmp_path, "trades", [landed(n, number, s=s) for n, (number, s) in enumerate(numbers)])
    frames = [landed(n, seq) | {"topic": "market.book"} for n, seq in enumerate([0, 2])]
    land(tmp_path, "book_changes", frames)
    gaps = [(7, 8), (1, 1)] if with_gap else [(1, 1)]
    of_acme = {"venue": "acme", "symbol": "BTC-USD"}
    rows = [
        ledger(n, "gap", s=3) | of_acme | {"cause": "missing", "first_seq": a, "last_seq": b}
        for n, (a, b) in enumerate(gaps)
    ]
    land(tmp_path, "feed_ledger", rows)
    return str(tmp_path)


def test_its_folder_is_found_by_its_name() -> None:
    (spec,) = stream_specs("acme", venues=Venues(), symbols=("ETH-USD",))
    assert (spec.url, spec.subscribe) == ("wss://acme.test/stream", ("subscribe ETH/USD",))
    kinds = [(message.kind, message.seq) for message in messages(5, 8)]
    assert kinds == [("trade", (5, 5)), ("ledger", None), ("trade", (8, 8))]


def test_the_audit_names_a_hole_that_the_ledger_lacks(tmp_path: Path) -> None:
    check = check_completeness(lake(tmp_path, with_gap=False))
    assert not check.ok
    assert "1 of 2 holes" in check.detail and "acme BTC-USD  lacks 7 to 8" in check.detail


def test_the_audit_accepts_a_hole_that_the_ledger_has(tmp_path: Path) -> None:
    check = check_completeness(lake(tmp_path, with_gap=True))
    assert check.ok
    assert "2 numbered sequences, 2 holes, each in the feed ledger" in check.detail


async def test_a_hole_is_healed_by_its_rest(tmp_path: Path) -> None:
    delta = DeltaLake(lake(tmp_path, with_gap=True))
    hole = Hole("acme", "BTC-USD", 7, 8)
    assert hole in delta.open_holes()
    assert delta.landed_numbers(Hole("acme", "BTC-USD", 5, 9)) == {5, 6, 9}

    async def fetch(url: str, _headers: Mapping[str, str]) -> Reply:
        assert url == "https://acme.test/trades/BTC-USD/7-8"
        return Reply(200, b"\n".join([frame(7), frame(8)]))

    published: list[Message] = []

    class Lake:
        """Lands what is published when it is asked the second time."""

        def open_holes(self) -> list[Hole]:
            return [hole]

        def landed_numbers(self, _hole: Hole) -> set[int]:
            return {message.seq[0] for message in published if message.seq}

    healer = Healer(
        lake=Lake(),
        refills=refills(Venues()),
        fetch=fetch,
        publish=published.append,
        flush=lambda: None,
        now_us=lambda: 7,
        conn="heal-1",
        wait_s=5,
    )
    assert await healer.run() == {"healed": 1, "refilled": 2, "open": []}
    assert published[-1].events == (LedgerEntry("healed", "refilled by REST", 7, 8),)


def test_its_feed_goes_on_from_its_last_trade(tmp_path: Path) -> None:
    last_ids = LastTradeIds(tmp_path / "acme.json")
    for message in messages(5, 6):
        last_ids.count_sent(
            (wire.choose_topic(message), wire.encode_key(message), wire.encode(message)), message
        )
    last_ids.acknowledge(sent_count=2, through=2)
    assert last_ids.by_symbol == {"BTC-USD": 6}


def test_it_has_a_process_settings_a_simulated_address_and_a_port_for_metrics() -> None:
    assert "feed-acme" in {program.name for program in list_programs(load({}))}
    settings = load({"TICKHOUSE_VENUES_ACME_SYMBOLS": "ETH-USD", "TICKHOUSE_METRICS_ACME": "19420"})
    assert settings.venues.of("acme").symbols == ("ETH-USD",)
    assert settings.metrics.feeds["acme"] == 19420
    assert load({}).metrics.feeds["acme"] == 19419
    assert {"TICKHOUSE_VENUES_ACME_WS_URL", "TICKHOUSE_VENUES_ACME_REST_URL"} <= set(
        simulated_addresses(settings)
    ) & set(list_variables())


def test_compose_runs_its_feed_and_prometheus_reads_its_metrics() -> None:
    files = generated_files()
    services = yaml.safe_load(files[COMPOSE])["services"]
    feed = services["feed-acme"]
    assert feed["command"] == ["python", "-m", "streaming.feeds", "acme"]
    assert feed["environment"]["TICKHOUSE_VENUES_ACME_WS_URL"] == "ws://simulator:18765"
    assert feed["environment"]["TICKHOUSE_VENUES_ACME_REST_URL"] == "http://simulator:18765"
    assert set(services["feed-gemini"]["environment"]) == set(feed["environment"])
    (job,) = yaml.safe_load(files[PROMETHEUS])["scrape_configs"]
    assert "feed-acme:19419" in job["static_configs"][0]["targets"]
    assert "#TICKHOUSE_VENUES_ACME_SYMBOLS=BTC-USD" in files[".env.example"]


def test_its_colour_is_its_own() -> None:
    by_venue = colours.colour_by_venue()
    assert len(set(by_venue.values())) == len(by_venue)
    assert colours.venue_colour("acme") == by_venue["acme"] != colours.INK


def test_the_trader_holds_back_until_its_hole_is_healed() -> None:
    gaps = Gaps(venue="acme", symbol="BTC-USD")
    for message in messages(5, 8):
        gaps.take(message)
    assert gaps.veto() and not has_book_time("acme")
    healed = LedgerEntry("healed", "refilled by REST", first_seq=6, last_seq=7)
    gaps.take(Message("acme", "BTC-USD", "ledger", "h", None, None, 9, (healed,)))
    assert gaps.veto() is None
