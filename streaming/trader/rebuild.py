"""The trader's journal, made again from the lake: after Postgres was lost it goes on as it was.

What the lake has not landed yet is read from Kafka. The last decision's recorded inputs hold the
account before it; its order and fills give the account after it.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from include.bus import TopicPartition, offset_ranges
from include.bus.tail import read_from
from include.errors import WireError
from include.lake.columns import Table
from include.lake.reading import open_table, query
from include.lake.watermarks import landed_offsets
from include.log import event
from include.market import wire
from include.market.events import Decision, Fill, Message, Order
from include.market.numerals import ZERO
from include.market.time import to_epoch_us
from include.serving.account_states import halt_name, state_name
from include.serving.journal import TABLE_OF_KIND, Journal, event_row
from include.trading.account import Account, count_order, settle
from include.trading.decision import is_sale_at_stop_loss, order_for
from include.trading.inputs import Inputs, RecordId, read
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig
from streaming.trader.trader_state import state_rows

MAX_ROWS = 20_000  # of a table, the newest: more than a week of a decision a minute
TOPICS = tuple(wire.TOPIC_OF_KIND[kind] for kind in TABLE_OF_KIND)
NEWEST = """
SELECT {columns} FROM {table}
WHERE venue = $venue AND symbol = $symbol AND account = $account AND event_index >= 0
ORDER BY received_time DESC, "offset" DESC, event_index DESC LIMIT {limit}
"""
LakeRow = Mapping[str, Any]
RowsByTable = Mapping[str, Sequence[LakeRow]]  # each table's oldest row first, each key once

log = logging.getLogger("tickhouse.trader")


def rebuild_journal(journal: Journal, config: TraderConfig) -> bool:
    """Fill a journal that has no account from the lake and Kafka; false if they know none.

    Raises:
        Unreachable: Kafka or Postgres does not answer.
        UnreadableTable: a table of the lake is damaged.
        WireError: the inputs of the last decision cannot be read.
    """
    if state_name(config.account, "account") in journal.state():
        return False
    rows_by_table = trading_rows(config, _unlanded_messages(config))
    if not rows_by_table["decisions"] and not rows_by_table["balances"]:
        return False
    state = rebuilt_state(rows_by_table, config)
    journal.restore(rows_by_table, state=state)
    counts = {name: len(rows) for name, rows in rows_by_table.items()}
    log.warning(event("account rebuilt from the lake", account=config.account, **counts))
    return True


def trading_rows(config: TraderConfig, unlanded: Iterable[Message]) -> RowsByTable:
    """What the lake, and messages that it has not landed, know of the trader's venue and symbol."""
    by_table: dict[str, dict[tuple[Any, ...], LakeRow]] = {}
    for table in TABLE_OF_KIND.values():
        by_table[table.name] = {_key(table, row): row for row in _lake_rows(config, table)}
    for message in unlanded:
        table = TABLE_OF_KIND[message.kind]
        for trading_event in message.events:
            row = event_row(table, trading_event)
            if row["account"] != config.account:
                continue
            by_table[table.name].pop(_key(table, row), None)  # the newest comes last
            by_table[table.name][_key(table, row)] = row
    return {name: list(rows.values()) for name, rows in by_table.items()}


def rebuilt_state(rows_by_table: RowsByTable, config: TraderConfig) -> dict[str, str]:
    """The named values of the trader's state after the last decision.

    Raises:
        WireError: the inputs of the last decision cannot be read.
    """
    balances = {row["currency"]: row["amount"] for row in rows_by_table["balances"]}
    base, _, quote = config.symbol.partition("-")
    if not rows_by_table["decisions"]:
        account = Account(
            quote=balances.get(quote, config.start.quote), base=balances.get(base, ZERO)
        )
        return state_rows(account, last_window=-1, offsets={}, intent=None, name=config.account)
    last = _decision(rows_by_table["decisions"][-1])
    inputs = read(last.inputs)
    orders = [_order(row) for row in rows_by_table["orders"]]
    placed = [order for order in orders if order.decision_id == last.decision_id]
    account = _account_after(last, inputs, placed, rows_by_table["fills"])
    amounts = balances.get(quote, account.quote), balances.get(base, account.base)
    if amounts != (account.quote, account.base):
        log.warning(event("balances differ from the last decision", amounts=amounts))
        account = msgspec.structs.replace(account, quote=amounts[0], base=amounts[1])
    intent = None if placed else order_for(last, broker=config.broker)
    state = state_rows(
        account,
        last_window=max(to_epoch_us(row["window_start"]) for row in rows_by_table["decisions"]),
        offsets=_offsets(inputs),
        intent=intent,
        name=config.account,
    )
    if Reason.HALTED in last.reasons.split(","):
        state[halt_name(config.account)] = "it was halted when the database was lost"
    return state


def _account_after(
    decision: Decision, inputs: Inputs, orders: Sequence[Order], fill_rows: Sequence[LakeRow]
) -> Account:
    account = inputs.account
    if decision.action != "hold":
        account = count_order(
            account, inputs.signal.timestamp, at_stop_loss=is_sale_at_stop_loss(decision)
        )
    for order in orders:
        fills = [Fill(**row) for row in fill_rows if row["order_id"] == order.order_id]
        account, _ = settle(account, order, fills)
    return account


def _offsets(inputs: Inputs) -> dict[TopicPartition, int]:
    """Where to read on: the last decision's signal is recognised, and its book is seen again."""
    record_ids: list[RecordId | None] = [
        inputs.record_id,
        inputs.top.record_id if inputs.top else None,
    ]
    return {
        TopicPartition(record_id.topic, record_id.partition): record_id.offset
        for record_id in record_ids
        if record_id is not None
    }


def _unlanded_messages(config: TraderConfig) -> Iterator[Message]:
    next_offsets = landed_offsets(config.lake, offset_ranges(config.bootstrap, TOPICS))
    for record in read_from(config.bootstrap, TOPICS, offsets=next_offsets):
        try:
            message = wire.decode(record.value)
        except WireError:
            continue
        if (message.venue, message.symbol) == (config.venue, config.symbol):
            yield message


def _lake_rows(config: TraderConfig, table: Table) -> list[LakeRow]:
    """A table's newest rows, oldest first, the newest of each key."""
    if open_table(config.lake, table.name) is None:
        return []
    columns = ", ".join(f'"{name}"' for name in table.names)
    statement = NEWEST.format(columns=columns, table=table.name, limit=MAX_ROWS)
    bindings = {"venue": config.venue, "symbol": config.symbol, "account": config.account}
    names, rows = query(config.lake, statement, bindings)
    newest: dict[tuple[Any, ...], LakeRow] = {}
    for values in rows:
        row = dict(zip(names, values, strict=True))
        newest.setdefault(_key(table, row), row)
    return list(newest.values())[::-1]


def _decision(lake_row: LakeRow) -> Decision:
    return Decision(**(dict(lake_row) | {"window_start": to_epoch_us(lake_row["window_start"])}))


def _order(lake_row: LakeRow) -> Order:
    ordered_at = lake_row["ordered_at"]
    return Order(**(dict(lake_row) | {"ordered_at": ordered_at and to_epoch_us(ordered_at)}))


def _key(table: Table, lake_row: LakeRow) -> tuple[Any, ...]:
    return tuple(lake_row[name] for name in table.key)
