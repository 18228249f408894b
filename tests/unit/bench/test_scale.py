"""The grid of the scale benchmark: what a shard publishes, and the rows of its cells."""

import pytest

from bench.scale import ScaleCell, compare_cells
from bench.scale_shard import list_symbols, make_messages


@pytest.mark.parametrize("count", [2, 7, 500])
def test_two_shards_have_every_symbol_once(count: int) -> None:
    shards = [list_symbols(shard, shards=2, count=count) for shard in range(2)]
    assert not set(shards[0]) & set(shards[1])
    assert sorted(shards[0] + shards[1]) == sorted(f"COIN{n}-USDT" for n in range(count))


def test_one_symbol_is_all_that_two_shards_have() -> None:
    assert [list_symbols(shard, shards=2, count=1) for shard in range(2)] == [["COIN0-USDT"]] * 2


def test_messages_take_turns_by_symbol_and_each_symbol_has_both_kinds() -> None:
    messages = list(make_messages(["A-USD", "B-USD"], first=100, count=8))
    assert [(message.symbol[0], message.kind) for message in messages] == [
        ("A", "book"),
        ("A", "trade"),
        ("B", "book"),
        ("B", "trade"),
    ] * 2
    assert len({message.seq for message in messages}) == 8


def test_each_figure_stands_beside_the_first_cell_s() -> None:
    cells = [
        ScaleCell(1, 1, 1, published_a_s=1000, landed_a_s=4000, batch_ms=50, fullest_share=100),
        ScaleCell(50, 4, 2, published_a_s=1500, landed_a_s=2000, batch_ms=100, fullest_share=40),
    ]
    rows = {row.name: row for row in compare_cells(cells)}
    assert rows["published, 1 symbols, 1 partitions, 1 shards"].peer is None
    published = rows["published, 50 symbols, 4 partitions, 2 shards"]
    assert (published.value, published.peer_value, published.ratio) == (1500, 1000, 1.5)
    assert rows["landed, 50 symbols, 4 partitions, 2 shards"].ratio == 0.5
    assert rows["batch, 50 symbols, 4 partitions, 2 shards"].ratio == 0.5
    assert rows["fullest_share, 50 symbols, 4 partitions, 2 shards"].unit == "%"
