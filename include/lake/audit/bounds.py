"""Where each partition's rows must begin and end, whatever Kafka has deleted since.

The next offset is the watermark in the log of the topic's store table; the first is remembered by
the seals of earlier audits, or by the epoch of the landing checkpoint. Kafka and the checkpoint
are compared with both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from deltalake import DeltaTable

from include.checks import Check
from include.lake.epoch import NO_RESTARTS, known_ids, read_epoch
from include.lake.topic_restarts import TopicRestarts
from include.lake.watermarks import home_table, next_offsets
from include.market.wire import OffsetRange, OffsetRanges, Offsets, TopicPartition
from include.object_path import StorePath

BEGINNING, END, TOPICS = "I1 beginning", "I1 end", "I1 topics"
REPAIR = "`./tickhouse doctor --repair` reads again what Kafka still has"


@dataclass(frozen=True)
class Bounds:
    """First and next offsets by partition, each from another source.

    `kafka` has what the broker still keeps, `committed` is the checkpoint's, `watermarks` are the
    tables' own, `begun` is where the epoch began to read (0 for a partition that came later). All
    are offsets of the lake; `restarts` are the places where Kafka's began again, `empty` the spans
    (first offset and end) in which Kafka has no record, as a transaction leaves them. Below its
    floor a partition's rows were dropped by retention.
    """

    kafka: OffsetRanges
    committed: Offsets
    watermarks: Offsets
    begun: Offsets = field(default_factory=dict)
    sealed: OffsetRanges = field(default_factory=dict)
    restarts: TopicRestarts = NO_RESTARTS
    empty: Mapping[TopicPartition, list[OffsetRange]] = field(default_factory=dict)
    floors: Offsets = field(default_factory=dict)

    @property
    def ends(self) -> dict[TopicPartition, int]:
        """The offset below which each partition is audited."""
        return {**self.committed, **self.watermarks}

    def lost(self, part: TopicPartition) -> list[OffsetRange]:
        """First offset and end of each span that was accepted as lost."""
        restarts = self.restarts.by_partition.get(part, ())
        return [(restart.lost_from, restart.offset) for restart in restarts]

    def rowless_spans(self, part: TopicPartition) -> list[OffsetRange]:
        """First offset and end of each span of which no row is due: lost or empty."""
        return [*self.lost(part), *self.empty.get(part, [])]

    @property
    def partitions(self) -> list[TopicPartition]:
        """Every partition that any source knows."""
        return sorted({*self.kafka, *self.committed, *self.watermarks, *self.sealed})


def read_watermarks(
    tables: Mapping[str, DeltaTable], partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """The next offset of each partition in the pinned version of its topic's store table."""
    watermarks: dict[TopicPartition, int] = {}
    for part in partitions:
        table = tables.get(home_table(part.topic).name)
        if table is not None:
            watermarks |= next_offsets(table, [part])
    return watermarks


def read_bounds(
    store: StorePath,
    tables: Mapping[str, DeltaTable],
    *,
    kafka: OffsetRanges,
    committed: Offsets,
    restarts: TopicRestarts = NO_RESTARTS,
) -> Bounds:
    """What checkpoint, epoch and the pinned tables know; `committed` was read before pinning.

    `kafka` and `committed` are Kafka's offsets.
    """
    epoch = read_epoch(store / "checkpoints" / "land" / "epoch.json")
    starts = epoch.starts if epoch else {}
    return Bounds(
        {
            part: (restarts.in_lake(part, first), restarts.in_lake(part, end))
            for part, (first, end) in kafka.items()
        },
        {part: restarts.in_lake(part, offset) for part, offset in committed.items()},
        read_watermarks(tables, sorted({*kafka, *committed})),
        begun={part: restarts.in_lake(part, start) for part, start in starts.items()},
        restarts=restarts,
    )


def check_restarts(
    store: StorePath, restarts: TopicRestarts, topic_ids: Mapping[str, str]
) -> Check:
    """Whether each topic is one that was read or accepted; names each restart."""
    epoch = read_epoch(store / "checkpoints" / "land" / "epoch.json")
    faults = [
        f"{topic} was recreated (id {topic_id}); `./tickhouse doctor --repair` goes on with it"
        for topic, topic_id in sorted(topic_ids.items())
        if (ids := known_ids(topic, epoch, restarts)) and topic_id not in ids
    ]
    sentences = [restart.sentence() for restart in restarts]
    detail = "; ".join(faults or sentences) or "every topic is the one that was read first"
    return Check(TOPICS, not faults, detail)


def check_beginnings(spans: OffsetRanges, bounds: Bounds) -> Check:
    """Whether each partition's rows (`landed`: first and last offset) begin where they began."""
    faults = [fault for part in sorted(spans) for fault in _beginning_faults(part, spans, bounds)]
    return Check(BEGINNING, not faults, "; ".join(faults) or "every partition from its first on")


def _beginning_faults(part: TopicPartition, spans: OffsetRanges, bounds: Bounds) -> Iterator[str]:
    first = spans[part][0]
    if part in bounds.sealed:
        begun = bounds.sealed[part][0]
        if first != begun:
            yield f"{_name(part)} began at {begun} by its seal, begins at {first}; {REPAIR}"
        return
    floor = bounds.floors.get(part, 0)
    begun = max(floor, bounds.begun.get(part, 0))
    kafka_first = max(floor, bounds.kafka.get(part, (begun, 0))[0])
    if begun > first > 0:
        yield (
            f"{_name(part)} begins at {first}, and neither a seal nor the epoch remembers whether "
            "it began there; where that is right, `./tickhouse audit --reseal` accepts it"
        )
    elif first > min(begun, kafka_first):
        yield (
            f"{_name(part)} was read from {begun} on and Kafka keeps {kafka_first} on, "
            f"the lake begins at {first}; {REPAIR}"
        )


def check_ends(spans: OffsetRanges, bounds: Bounds) -> Check:
    """Whether each partition's rows end right below its watermark, and nothing was passed over."""
    faults = [fault for part in bounds.partitions for fault in _end_faults(part, spans, bounds)]
    faults += [
        f"{_name(part)}: rows up to {last} without a watermark in the log of "
        f"{home_table(part[0]).name}: another program wrote them, or the table's log was replaced"
        for part, (_, last) in sorted(spans.items())
        if part not in bounds.watermarks
    ]
    waiting = sum(
        max(0, end - max(first, bounds.ends.get(part, first)))
        for part, (first, end) in bounds.kafka.items()
    )
    return Check(END, not faults, "; ".join(faults) or f"{waiting} offsets not landed yet")


def _end_faults(part: TopicPartition, spans: OffsetRanges, bounds: Bounds) -> Iterator[str]:
    name, watermark = _name(part), bounds.watermarks.get(part)
    begun, committed = bounds.begun.get(part, 0), bounds.committed.get(part)
    accepted = max((end for _, end in bounds.lost(part)), default=0)
    next_offset = max(accepted, begun if watermark is None else watermark)
    sealed = bounds.sealed.get(part, (0, 0))[1]
    last = spans[part][1] if part in spans else None
    if (committed or 0) > next_offset:
        yield f"{name}: the checkpoint is at {committed}, the table at {next_offset}; {REPAIR}"
    if sealed > next_offset:
        yield f"{name}: sealed up to {sealed}, the table is at {next_offset}: rolled back; {REPAIR}"
    reached_offset = _reach(begun if last is None else last + 1, bounds.rowless_spans(part))
    if watermark is not None and (reached_offset < watermark or (last or 0) >= watermark):
        extent = "no row" if last is None else f"rows up to {last}"
        yield f"{name}: {extent} of the {watermark} offsets that its watermark counts; {REPAIR}"
    if part in bounds.kafka:
        yield from _kafka_faults(name, bounds.kafka[part], next_offset, watermark, committed)


def _reach(next_offset: int, rowless: Iterable[OffsetRange]) -> int:
    """How far spans of which no row is due lead on from an offset."""
    for first, end in sorted(rowless):
        if first <= next_offset:
            next_offset = max(next_offset, end)
    return next_offset


def _kafka_faults(
    name: str,
    kafka_range: tuple[int, int],
    next_offset: int,
    watermark: int | None,
    committed: int | None,
) -> Iterator[str]:
    first, end = kafka_range
    if watermark is not None and watermark > end:
        yield (
            f"{name}: landed up to {watermark}, Kafka ends at {end}: the topic was recreated or "
            "lost its end; see `./tickhouse doctor`"
        )
    if (
        next_offset < first
        and next_offset < end
        and (watermark is not None or committed is not None)
    ):
        yield (
            f"{name}: offsets {next_offset} to {first - 1} left Kafka before they landed; a longer "
            "retention keeps the next ones, `./tickhouse doctor --repair` goes on behind them"
        )
    if committed is None and next_offset < end:
        yield (
            f"{name}: {end - max(next_offset, first)} messages have not landed and no "
            "checkpoint knows the partition; `./tickhouse up` starts the stream"
        )


def _name(part: TopicPartition) -> str:
    return f"{part[0]}/{part[1]}"
