"""One round of the drill: a fault, what `status` reports, the recovery, the count, the sabotage."""

import random
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bench.drill.counting import (
    Miscount,
    find_lost_messages,
    find_repeated_decisions,
    find_unrecorded_holes,
    find_wrong_rows,
    find_wrong_trades,
)
from bench.drill.faults import DrillFault
from bench.drill.reading import CountedMessages, Recorder, find_kafka_ends, list_ends, read_topics
from bench.drill.world import DrillWorld, wait_until
from include.checks import Check
from include.errors import PlatformError, TickhouseError
from include.lake.tables import LANDED_TOPICS
from include.local import restarts
from include.local.status import Status
from include.market.wire import OffsetRanges, Offsets
from spark_jobs.audit_lake import audit_world

BEFORE_S = (2.0, 5.0)  # a fault comes so long after the round's first message
RECOVERY_S = 240.0
COPIED = ("lake", "checkpoints")
WRITERS = ("stream", "minutes")
ATTEMPTS = 3  # a copy taken between Delta's commit and Postgres' is not of one moment
TRADING = "trading."
LIVE, AWAY = "live", {"stale", "disconnected"}


@dataclass(frozen=True)
class DrillOutcome:
    """What one fault did; times are seconds after it, null if that never came.

    `lost_count` counts messages, rows and trade ids that are not as they were sent; `findings` has
    a sentence for each, and for what else went wrong.
    """

    fault: str
    action: str
    sent_count: int
    landed_count: int
    lost_count: int
    reported_s: float | None
    reported: str
    recovered_s: float | None
    sabotage: str
    is_detected: bool
    detected: str
    findings: list[str]

    @property
    def ok(self) -> bool:
        """Nothing was lost, it recovered, the audit was clean, and the sabotage was detected."""
        return not self.findings and self.recovered_s is not None and self.is_detected


class StatusWatch(threading.Thread):
    """Asks for the status until `finish`; `cause` is the first that it reports."""

    def __init__(self, world: DrillWorld, status_before: Status) -> None:
        super().__init__(daemon=True)
        self.cause, self.reported_at = "", 0.0
        self._world, self._stop_it = world, threading.Event()
        self._states = {feed.venue: feed.since for feed in status_before.feeds}

    def run(self) -> None:
        """Look again and again."""
        while not self._stop_it.is_set() and not self.cause:
            with suppress(TickhouseError):
                self.cause = find_cause(self._world.look(), self._states)
                self.reported_at = time.monotonic()

    def finish(self) -> None:
        """Look no more."""
        self._stop_it.set()
        self.join(30)


def find_cause(status: Status, since_before: Mapping[str, datetime]) -> str:
    """The first cause of a status, or the first feed that is no longer live; empty if none."""
    feeds = [
        f"feed of {feed.venue} is {feed.state}: {feed.cause}"
        for feed in status.feeds
        if feed.state != LIVE and since_before.get(feed.venue) != feed.since
    ]
    return next(iter([*status.causes, *feeds]), "")


def is_good(status: Status) -> bool:
    """Whether nothing is wrong, and every feed gets messages again; its hole may be open."""
    return status.ok and not any(feed.state in AWAY for feed in status.feeds)


class Drill:
    """Rounds in one world; `audited` is a folder for the copies that are audited."""

    def __init__(self, world: DrillWorld, *, chance: random.Random, audited: Path) -> None:
        self._world, self._chance = world, chance
        self._audited = replace(world.settings, var=audited)

    def run(self, drill_fault: DrillFault) -> DrillOutcome:
        """One round.

        Raises:
            PlatformError: the world does not work before it.
        """
        self._require_good_status()
        world, chance, address = self._world, self._chance, self._world.settings.bootstrap
        restarts.forget(world.settings.home)
        start = find_kafka_ends(address)
        recorder, watch = Recorder(address, start=start), StatusWatch(world, world.look())
        recorder.start()
        time.sleep(chance.uniform(*BEFORE_S))
        watch.start()
        began = time.monotonic()
        findings = [*self._strike(drill_fault)]
        recovered_s = self._await_recovery(began)
        watch.finish()
        in_kafka = recorder.finish()
        messages = read_topics(address, start=start)
        landing = {part: (0, end) for part, end in list_ends(messages).items()}
        wait_until(lambda: world.has_landed(_select_landed(landing)), within_s=RECOVERY_S)
        miscounts, wrong_count = self._count(in_kafka, messages, start)
        sent_count = sum(record_id[0] in LANDED_TOPICS for record_id in messages)
        detected, audit_findings = self._audit(drill_fault)
        findings += [miscount.sentence for miscount in miscounts] + audit_findings
        return DrillOutcome(
            fault=drill_fault.name,
            action=drill_fault.action,
            sent_count=sent_count,
            landed_count=sent_count - wrong_count,
            lost_count=sum(miscount.number for miscount in miscounts),
            reported_s=round(watch.reported_at - began, 1) if watch.cause else None,
            reported=watch.cause,
            recovered_s=recovered_s,
            sabotage=drill_fault.sabotage.action,
            is_detected=bool(detected),
            detected=detected,
            findings=findings,
        )

    def _require_good_status(self) -> None:
        """Wait until the status is good, or an older cause would be taken for the fault's."""
        if not wait_until(lambda: is_good(self._world.look()), within_s=RECOVERY_S):
            causes = "; ".join(self._world.look().causes)
            raise PlatformError(f"the scratch world does not work: {causes}")

    def _strike(self, drill_fault: DrillFault) -> Iterator[str]:
        """Make the fault, and end it; a sentence where that did not work."""
        try:
            drill_fault.strike(self._world, self._chance)
            time.sleep(drill_fault.lasts_s)
        except TickhouseError as error:
            yield str(error)
        try:
            drill_fault.end(self._world, self._chance)
        except TickhouseError as error:
            yield str(error)

    def _await_recovery(self, began_s: float) -> float | None:
        """Seconds until status is good and what was sent meanwhile, and more, has landed."""
        world, ends = self._world, dict[str, OffsetRanges]()

        def has_recovered() -> bool:
            ranges = world.kafka_ranges()
            at_end = ends.setdefault("of the fault", ranges)
            has_more = _sum_ends(ranges) > _sum_ends(at_end)
            return has_more and world.has_landed(at_end) and is_good(world.look())

        if not wait_until(has_recovered, within_s=RECOVERY_S):
            self._world.print_line(f"not recovered: {'; '.join(self._world.look().causes)}")
            return None
        return round(time.monotonic() - began_s, 1)

    def _count(
        self, recorded: CountedMessages, kafka_messages: CountedMessages, start: Offsets
    ) -> tuple[list[Miscount], int]:
        """What is not as it was sent, and how many messages of it have wrong rows."""
        lake, address = self._world.settings.lake, self._world.settings.bootstrap
        rows = find_wrong_rows(lake, kafka_messages, bootstrap=address, start=start)
        others = [
            *find_lost_messages(recorded, kafka_messages),
            *find_wrong_trades(lake, kafka_messages, start=start),
            *find_unrecorded_holes(kafka_messages),
            *find_repeated_decisions(kafka_messages),
        ]
        return [*rows, *others], sum(miscount.number for miscount in rows)

    def _audit(self, drill_fault: DrillFault) -> tuple[str, list[str]]:
        """The check that names the sabotage, and what the audit finds without it."""
        for attempt in range(ATTEMPTS):
            with self._copied_world():
                failed_checks = [check for check in self._run_audit() if not check.ok]
                if failed_checks and attempt < ATTEMPTS - 1:
                    continue
                try:
                    with drill_fault.sabotage.apply(self._audited, self._chance):
                        detected = drill_fault.sabotage.find(self._run_audit())
                except PlatformError as error:
                    return "", [str(error)]
            break
        return detected, [f"{check.name}: {check.detail}" for check in failed_checks]

    @contextmanager
    def _copied_world(self) -> Iterator[None]:
        """A copy of lake and checkpoints, while those who write lake and Postgres are suspended."""
        world = self._world
        world.suspend("trader")
        try:
            wait_until(self._has_landed_trading, within_s=RECOVERY_S)
            world.suspend(*WRITERS[::-1])
            for name in COPIED:
                target = self._audited.home / name
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(world.settings.home / name, target)
            yield
        finally:
            world.resume(*WRITERS, "trader")

    def _has_landed_trading(self) -> bool:
        ranges = self._world.kafka_ranges()
        return self._world.has_landed(
            {part: span for part, span in ranges.items() if part.topic.startswith(TRADING)}
        )

    def _run_audit(self) -> list[Check]:
        """The checks of `./tickhouse audit`; what keeps it from checking is a failed one."""
        try:
            return audit_world(self._audited).checks
        except TickhouseError as error:
            return [Check("audit", False, str(error))]


def _select_landed(spans: OffsetRanges) -> OffsetRanges:
    return {part: span for part, span in spans.items() if part.topic in LANDED_TOPICS}


def _sum_ends(ranges: OffsetRanges) -> int:
    return sum(end for _, end in ranges.values())
