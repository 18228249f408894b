"""Topics that do not go on where they were read: recreated, cut, or overtaken by retention.

What cannot be read any more is lost; that is for a person to accept (`doctor --repair`). The place
becomes a row of `topic_restarts`, and the stream goes on behind it in a new epoch.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from include.lake.checkpoint import committed_offsets, has_begun
from include.lake.diagnosis import QUERIES, find_query_damage, repair
from include.lake.epoch import find_refusal, find_removed
from include.lake.topic_changes import KafkaTopics, LakeReach, find_restarts
from include.lake.topic_restarts import REMOVED, TopicRestart, write_restarts
from include.local.defects import Defect, checkpoint_defect
from include.local.kafka_folders import find_strays
from include.local.kafka_topics import read_reach_and_topics
from include.settings import Settings

REMEDY = "goes on there; what Kafka has lands once, and the audit names the place"


def examine_topics(settings: Settings) -> Iterator[Defect]:
    """Each topic-partition that does not go on where it was read, then the checkpoints it breaks.

    Nothing is reported while Kafka does not answer, or has topics to bring back first.
    """
    answer = read_reach_and_topics(settings)
    if answer is None or find_strays(settings):
        return
    reach, topics = answer
    restarts = find_restarts(
        settings.world_store, settings.lake, topics, found_at=datetime.now(UTC), reach=reach
    )
    if not has_begun(settings.checkpoints / "land" / "stream"):
        # A new epoch begins behind what was removed, and notes the place itself.
        restarts = [restart for restart in restarts if restart.cause != REMOVED]
    for restart in restarts:
        yield _restart_defect(settings, restart)
    if not restarts:
        yield from _examine_readers(settings, topics, reach)


def _restart_defect(settings: Settings, restart: TopicRestart) -> Defect:
    subject = f"topic {restart.part.topic}/{restart.part.partition}"
    return Defect(subject, restart.sentence(), REMEDY, repair=partial(_accept, settings, restart))


def _accept(settings: Settings, restart: TopicRestart) -> None:
    """Note the place, then take the checkpoints out of use that are of the topic before it."""
    write_restarts(settings.lake, [restart])
    for query in QUERIES:
        stream = settings.checkpoints / query / "stream"
        is_reader = query == "land" or restart.part in committed_offsets(stream)
        if is_reader and has_begun(stream):
            repair(settings.world_store, query, repaired_at=datetime.now(UTC))


def _examine_readers(
    settings: Settings, kafka_topics: KafkaTopics, reach: LakeReach
) -> Iterator[Defect]:
    """Checkpoints that cannot go on with the topics, where that loses nothing (any more)."""
    for query in QUERIES:
        folder = settings.checkpoints / query
        if not has_begun(folder / "stream") or find_query_damage(settings.world_store, query):
            continue
        if query == "land":
            refusal = find_refusal(
                folder,
                ranges=kafka_topics.ranges,
                watermarks=reach.landed_in_kafka,
                topic_ids=kafka_topics.ids,
                restarts=reach.restarts,
            )
        else:
            refusal = find_removed(folder / "stream", query, kafka_topics.ranges)
        if refusal is not None:
            yield checkpoint_defect(settings, query, refusal.partition(";")[0])
