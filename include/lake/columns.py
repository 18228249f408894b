"""What a table is made of: columns, their types, and the columns that landed tables share."""

from dataclasses import dataclass

MONEY = "decimal(20,8)"
RATIO = "decimal(24,12)"  # shares, percents, sensitivities
QUANTITY = "decimal(22,10)"  # Gemini sends ten decimals; price x quantity still fits 38 digits


@dataclass(frozen=True)
class Column:
    """One column: Spark SQL type, what it means, and whether a row without it is unreadable.

    Postgres alone has the type `bigserial`: its own counter. `default` is what a text is in rows
    from before the column was there, which the lake keeps as null.
    """

    name: str
    type: str
    comment: str
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class Table:
    """One table: in the lake, and if it is `served` in Postgres too.

    `topic` is what a landed table lands, and `event_key` names the columns by which an event
    replaces an earlier one where only the newest is kept; other tables have neither.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cluster: tuple[str, ...] = ()
    topic: str | None = None
    event_key: tuple[str, ...] = ()
    served: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


ACCOUNTING = (
    Column("topic", "string", "Kafka topic of the message", required=True),
    Column("partition", "int", "Kafka partition of the message", required=True),
    Column("offset", "bigint", "Kafka offset of the message", required=True),
    Column("kafka_time", "timestamp", "when the broker took it, by its clock", required=True),
    Column("event_index", "int", "index of the event in its message; -1: no event", required=True),
)
ENVELOPE = (
    Column("v", "int", "version of the message format", required=True),
    Column("venue", "string", "exchange or price supplier", required=True),
    Column("symbol", "string", "BASE-QUOTE", required=True),
    Column("kind", "string", "what the message holds", required=True),
    Column("conn", "string", "connection (or run) that received it", required=True),
    Column("seq_first", "bigint", "venue's own first sequence number or id"),
    Column("seq_last", "bigint", "venue's own last sequence number or id"),
    Column("venue_time", "timestamp", "the venue's time; null where it gives none"),
    Column("received_time", "timestamp", "when the feed received it", required=True),
)
EXTRA = Column("extra", "string", "JSON of the fields that this version's columns do not have")
# Of each table of the lake: the log and the files of replaced versions are kept for time travel.
PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 2 days",
    "delta.deletedFileRetentionDuration": "interval 2 days",
    "delta.checkpointInterval": "50",
}
# The stream writes the log checkpoints of what it lands beside its commits, not within them.
LANDED_PROPERTIES = PROPERTIES | {"delta.checkpointInterval": "1000000"}
LANDED_KEY = ("topic", "partition", "offset", "event_index")


def landed_table(
    name: str,
    topic: str,
    comment: str,
    *own_columns: Column,
    event_key: tuple[str, ...] = (),
    served: bool = False,
) -> Table:
    """A table that lands a topic: accounting, envelope, its own columns, and the rest as JSON."""
    return Table(
        name=name,
        comment=comment,
        columns=(*ACCOUNTING, *ENVELOPE, *own_columns, EXTRA),
        key=LANDED_KEY,
        cluster=("symbol", "received_time"),
        topic=topic,
        event_key=event_key,
        served=served,
    )


def event_columns(table: Table) -> tuple[Column, ...]:
    """A landed table's own columns: after accounting and envelope, before the rest as JSON."""
    return table.columns[len(ACCOUNTING) + len(ENVELOPE) : -1]


def time_columns(table: Table) -> tuple[str, ...]:
    """The times that a message of a landed table gives: all but that of Kafka."""
    kafka = {column.name for column in ACCOUNTING}
    return tuple(c.name for c in table.columns if c.type == "timestamp" and c.name not in kafka)


def money(name: str, comment: str, *, required: bool = False) -> Column:
    """A price or an amount of money."""
    return Column(name, MONEY, comment, required)


def quantity(name: str, comment: str, *, required: bool = False) -> Column:
    """A quantity in base units, or a volume."""
    return Column(name, QUANTITY, comment, required)


def ratio(name: str, comment: str) -> Column:
    """A share, a percentage or a sensitivity, of either sign."""
    return Column(name, RATIO, comment)


def text(name: str, comment: str, *, required: bool = False) -> Column:
    """A column of text."""
    return Column(name, "string", comment, required)
