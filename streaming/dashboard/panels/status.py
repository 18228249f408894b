"""The strip of tiles: one short answer each to "is it well?"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal

from include.forecast.manifest import Manifest
from include.local.status import LastAudit
from include.market.events import MAIN_ACCOUNT
from include.market.feed_states import DISCONNECTED, GAP, LIVE, STALE, FeedState, State
from include.market.time import SECOND_US
from include.market.wire import TopicPartition
from include.serving.stream_progress import REAL_TIME_QUERIES, QueryProgress, StreamProgress
from streaming.dashboard.context import PanelContext
from streaming.dashboard.html import NO_DATA, format_age
from streaming.dashboard.plots import Chart, ChartSources
from streaming.dashboard.view import Panel

Tone = Literal["good", "warn", "bad", "none"]
_TONES: dict[str, Tone] = {
    "live": "good",
    "quiet": "warn",
    "stale": "bad",
    "gap": "warn",
    "disconnected": "bad",
}
_BEHIND_S = 60
_REPLAYED_S = 3600
_DECIDED_LIMIT_S = 180.0
_LAG_GOOD, _LAG_BAD = 5_000, 50_000


@dataclass(frozen=True)
class Tile:
    """A label, its value, what else to know, and how it stands."""

    label: str
    value: str
    detail: str = ""
    tone: Tone = "none"


def compute(context: PanelContext) -> Panel:
    """All tiles; they are the same for every choice of symbol and range."""
    state, files, limit_s = context.state, context.state.files, context.stale_s
    clock_s, now_s = state.clock_us / SECOND_US, context.now_s
    forecast_limit_s = context.settings.forecast.stale_hours * 3600
    manifest = files.manifests.get(context.settings.forecast.symbol)
    tiles = [
        clock_tile(clock_s, seen_s=state.clock_seen_s, now_s=now_s, limit_s=limit_s),
        *_feed_tiles(context),
        lag_tile(files.stream, state.offsets, now_s=now_s),
        forecast_tile(manifest, clock_s=clock_s, stale_s=forecast_limit_s),
        _trader_tile(context),
        quarantine_tile(files.quarantined),
        audit_tile(files.audit),
        *postgres_tiles(state.postgres.seen_s, now_s=now_s, limit_s=limit_s),
    ]
    return Panel(render_tiles(tiles))


def figure(_sources: ChartSources) -> Chart:
    """No plots: the heading is all of it."""
    return Chart()


def render_tiles(tiles: Sequence[Tile]) -> str:
    """The tiles as HTML."""
    cells = (
        f'<div class="tile {tile.tone}"><span class="label">{escape(tile.label)}</span>'
        f'<span class="figure">{escape(tile.value)}</span>'
        f'<span class="detail">{escape(tile.detail)}</span></div>'
        for tile in tiles
    )
    return f'<div class="strip">{"".join(cells)}</div>'


def clock_tile(clock_s: float, *, seen_s: float, now_s: float, limit_s: float) -> Tile:
    """The time of the newest event, UTC, and how far it is from the wall clock's."""
    if not clock_s:
        return Tile("Market clock", NO_DATA)
    clock_at = datetime.fromtimestamp(clock_s, UTC)
    if now_s - seen_s > limit_s:
        stands = f"stands since {format_age(now_s - seen_s)}"
        return Tile("Market clock", f"{clock_at:%H:%M:%S}", stands, "bad")
    replayed = ", replayed" if now_s - clock_s > _REPLAYED_S else ""
    detail = f"{clock_at:%a %-d %b %Y} UTC{replayed}"
    return Tile("Market clock", f"{clock_at:%H:%M:%S}", detail, "good")


def _feed_tiles(context: PanelContext) -> list[Tile]:
    state, dashboard = context.state, context.settings.dashboard
    tiles = []
    with_messages = {*state.frames_seen_s, *state.polled_seen_s}
    for venue in sorted({*state.feeds.venues, *with_messages, *state.postgres.venues}):
        frame_seen_s = state.venue_seen_s(venue)
        tiles.append(
            feed_tile(
                venue,
                by_ledger=state.feeds.state_of(venue),
                frame_age_s=context.age_s(frame_seen_s) if frame_seen_s else None,
                quiet_s=dashboard.feed_quiet_s,
                stale_s=dashboard.stale_s,
            )
        )
    return tiles or [Tile("Feeds", NO_DATA, "no feed has reported anything")]


def feed_tile(
    venue: str,
    *,
    by_ledger: FeedState | None,
    frame_age_s: float | None,
    quiet_s: float,
    stale_s: float,
) -> Tile:
    """A feed's state, with the age of its last frame or the cause of its fault."""
    reported = by_ledger.state if by_ledger else None
    state = feed_state(reported, frame_age_s=frame_age_s, quiet_s=quiet_s, stale_s=stale_s)
    detail = "" if frame_age_s is None else f"last frame {format_age(frame_age_s)} ago"
    if by_ledger and by_ledger.state == state != LIVE:
        detail = by_ledger.cause
    return Tile(f"Feed {venue}", state, detail, _TONES.get(state, "none"))


def feed_state(
    by_ledger: State | None, *, frame_age_s: float | None, quiet_s: float, stale_s: float
) -> str:
    """`live`, `quiet`, `stale`, `gap`, `disconnected` or `no data`.

    The ledger decides where it has a fault; else the age of the venue's last frame does.
    """
    if by_ledger == DISCONNECTED:
        return DISCONNECTED
    if frame_age_s is None:
        return NO_DATA
    if by_ledger == STALE or frame_age_s > stale_s:
        return STALE
    if by_ledger == GAP:
        return GAP
    return "quiet" if frame_age_s > quiet_s else LIVE


def lag_tile(
    stream: StreamProgress, offsets: Mapping[TopicPartition, int], *, now_s: float
) -> Tile:
    """How many records of Kafka the slowest query has not read, from the stream's own progress."""
    if not stream.queries:
        return Tile("Stream lag", NO_DATA)
    silent_s = now_s - stream.written_at
    if silent_s > _BEHIND_S:
        return Tile(
            "Stream lag", "stale", f"no progress reported for {format_age(silent_s)}", "bad"
        )
    behind = max(_count_behind(query, offsets) for query in stream.queries)
    batches = [query for query in stream.queries if query.name not in REAL_TIME_QUERIES]
    batch_ms = max((query.batch_ms or 0 for query in batches), default=0)
    tone: Tone = "good" if behind < _LAG_GOOD else "warn" if behind < _LAG_BAD else "bad"
    return Tile("Stream lag", f"{behind:,}", f"records · batch {batch_ms / 1000:.1f} s", tone)


def _count_behind(query: QueryProgress, offsets: Mapping[TopicPartition, int]) -> int:
    return sum(max(0, offsets.get(at, 0) - end) for at, end in query.next_offsets().items())


def forecast_tile(manifest: Manifest | None, *, clock_s: float, stale_s: float) -> Tile:
    """How long ago, by the market clock, the published forecast's training data ended."""
    if manifest is None:
        return Tile("Forecast age", NO_DATA, "none is published")
    age_s = clock_s - manifest.trained_until.timestamp()
    tone: Tone = "good" if age_s <= stale_s else "bad"
    return Tile(
        "Forecast age", format_age(age_s), f"model {manifest.model}, {manifest.symbol}", tone
    )


def _trader_tile(context: PanelContext) -> Tile:
    activity, name = context.activity, context.account.account
    for account in sorted(context.account_states, key=lambda state: state.name != name):
        if reason := account.failure or account.halted:
            of_account = "" if account.name == MAIN_ACCOUNT else f"{account.name}: "
            return Tile("Trader", account.state, of_account + reason, "bad")
    if activity.decision is None:
        return Tile("Trader", NO_DATA, "no decision yet")
    behind_s = (context.state.clock_us - activity.decided_us) / SECOND_US
    tone: Tone = "warn" if behind_s > _DECIDED_LIMIT_S else "good"
    reason = activity.decision.reasons.replace("_", " ")
    return Tile("Trader", activity.decision.action, reason, tone)


def quarantine_tile(row_count: int | None) -> Tile:
    """Rows in quarantine."""
    if row_count is None:
        return Tile("Quarantine", NO_DATA)
    return Tile("Quarantine", f"{row_count:,}", "rows quarantined", "warn" if row_count else "good")


def audit_tile(audit: LastAudit | None) -> Tile:
    """The outcome of the last `./tickhouse audit`."""
    if audit is None:
        return Tile("Audit", NO_DATA, "run ./tickhouse audit")
    ago = f"{format_age(audit.age_s)} ago"
    return Tile("Audit", "clean" if audit.ok else "faults", ago, "good" if audit.ok else "bad")


def postgres_tiles(seen_s: float, *, now_s: float, limit_s: float) -> list[Tile]:
    """A tile only while Postgres does not answer."""
    if not seen_s:
        return [Tile("Postgres", "away", "it has not answered yet", "bad")]
    if now_s - seen_s <= limit_s:
        return []
    return [Tile("Postgres", "away", f"since {format_age(now_s - seen_s)}", "bad")]
