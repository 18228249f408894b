"""The strip of tiles: one short answer each to "is it well?"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from include.forecast.forecast_file import Manifest
from include.market.wire import TopicPartition
from include.serving.status import LastAudit
from include.serving.stream_progress import QueryProgress, StreamProgress
from streaming.dashboard.panels.ages import age, feed_state

Tone = Literal["good", "warn", "bad", "none"]
_TONES: dict[str, Tone] = {
    "live": "good",
    "quiet": "warn",
    "stale": "bad",
    "gap": "warn",
    "disconnected": "bad",
}
_BEHIND_S = 60
_REAL_TIME = frozenset({"measures"})  # its batch is the time between two checkpoints
_LAG_GOOD, _LAG_BAD = 5_000, 50_000


@dataclass(frozen=True)
class Tile:
    """A label, its value, what else to know, and how it stands."""

    label: str
    value: str
    detail: str = ""
    tone: Tone = "none"


def feed_tile(
    venue: str, *, entry: str, cause: str, frame_age: float | None, quiet_s: float, stale_s: float
) -> Tile:
    """A feed's state, with the age of its last frame or the cause of its fault."""
    state = feed_state(entry=entry, frame_age=frame_age, quiet_s=quiet_s, stale_s=stale_s)
    detail = "" if frame_age is None else f"last frame {age(frame_age)} ago"
    if state in {"gap", "disconnected"} and cause:
        detail = cause
    return Tile(f"Feed {venue}", state, detail, _TONES.get(state, "none"))


def lag_tile(stream: StreamProgress, reached: Mapping[TopicPartition, int], *, now: float) -> Tile:
    """How many records of Kafka the slowest query has not read, from the stream's own progress."""
    if not stream.queries:
        return Tile("Stream lag", "no data")
    silent = now - stream.written_at
    if silent > _BEHIND_S:
        return Tile("Stream lag", "stale", f"no progress reported for {age(silent)}", "bad")
    behind = max(_behind(query, reached) for query in stream.queries)
    batches = [query for query in stream.queries if query.name not in _REAL_TIME]
    batch = max((query.batch_ms or 0 for query in batches), default=0)
    tone: Tone = "good" if behind < _LAG_GOOD else "warn" if behind < _LAG_BAD else "bad"
    return Tile("Stream lag", f"{behind:,}", f"records · batch {batch / 1000:.1f} s", tone)


def quarantine_tile(rows: int | None) -> Tile:
    """Rows that were set aside."""
    if rows is None:
        return Tile("Quarantine", "no data")
    return Tile("Quarantine", f"{rows:,}", "rows set aside", "warn" if rows else "good")


def audit_tile(audit: LastAudit | None) -> Tile:
    """What the last `./tickhouse audit` found."""
    if audit is None:
        return Tile("Audit", "no data", "run ./tickhouse audit")
    ago = f"{age(audit.age_s)} ago"
    return Tile("Audit", "clean" if audit.ok else "faults", ago, "good" if audit.ok else "bad")


def forecast_tile(manifest: Manifest | None, *, clock: float, stale_s: float) -> Tile:
    """How long ago, by the market clock, the published forecast's training data ended."""
    if manifest is None:
        return Tile("Forecast age", "no data", "none is published")
    old = clock - manifest.trained_until.timestamp()
    tone: Tone = "good" if old <= stale_s else "bad"
    return Tile("Forecast age", age(old), f"model {manifest.model}, {manifest.symbol}", tone)


def postgres_tiles(seen: float, *, now: float, limit_s: float) -> list[Tile]:
    """A tile only while Postgres does not answer."""
    if not seen:
        return [Tile("Postgres", "away", "it has not answered yet", "bad")]
    silent = now - seen
    return [Tile("Postgres", "away", f"since {age(silent)}", "bad")] if silent > limit_s else []


def clock_tile(clock: float, *, seen: float, now: float, limit_s: float) -> Tile:
    """The time of the newest event, UTC, and how far it is from the wall clock's."""
    if not clock:
        return Tile("Market clock", "no data")
    at = datetime.fromtimestamp(clock, UTC)
    if now - seen > limit_s:
        return Tile("Market clock", f"{at:%H:%M:%S}", f"stands since {age(now - seen)}", "bad")
    behind = now - clock
    detail = f"{at:%a %-d %b %Y} UTC" + (", replayed" if behind > _BEHIND_S * 60 else "")
    return Tile("Market clock", f"{at:%H:%M:%S}", detail, "good")


def _behind(query: QueryProgress, reached: Mapping[TopicPartition, int]) -> int:
    return sum(max(0, reached.get(at, 0) - end) for at, end in query.next_offsets().items())
