"""The faults of the drill: what is broken, how it ends, and the sabotage that must be noticed.

Each is one entry of `FAULTS`. What a supervisor or a client recovers from by itself needs no `end`;
the others are ended as an operator would, after `lasts_s`.
"""

from dataclasses import dataclass, field

from bench.drill import sabotage
from bench.drill.actions import (
    FAR_US,
    Act,
    break_venues,
    damage_checkpoint,
    damage_commit,
    damage_spool,
    empty_trade_ids,
    kill,
    kill_after_append,
    kill_all,
    kill_jvm,
    lower_floor,
    pass_by,
    raise_floor,
    repair_and_start_stream,
    resume,
    send_junk,
    start,
    start_again,
    start_broker_and_feed,
    stop,
    suspend,
)
from bench.drill.sabotage import Sabotage


@dataclass(frozen=True)
class DrillFault:
    """One fault: `strike` makes it, and `end` ends it `lasts_s` later."""

    name: str
    action: str
    strike: Act
    sabotage: Sabotage
    end: Act = field(default=pass_by)
    lasts_s: float = 0.0


SILENT = {"fault": "silence", "venue": "gemini", "for_s": 12, "heartbeats": False}
CUT = {"fault": "cut", "venue": "gemini"}
SKIPPED = {"fault": "skip", "venue": "binance", "stream": "aggTrade"}
CLOSED = {"fault": "close", "venue": "deribit", "code": 1006}
REFUSED = {
    "fault": "refuse",
    "venue": "deribit",
    "status": 429,
    "headers": {"Retry-After": "3"},
    "times": 2,
}
AHEAD = {
    "fault": "new_value",
    "venue": "binance",
    "stream": "aggTrade",
    "key": "T",
    "value": FAR_US // 1000,
}
REPEATED = {"fault": "repeat", "venue": "binance", "stream": "aggTrade"}
REORDERED = {"fault": "reorder", "venue": "deribit"}

FAULTS = (
    DrillFault("kill-stream", "kill -9 of the stream", kill("stream"), sabotage.TRADE_REMOVED),
    DrillFault(
        "kill-stream-after-append",
        "kill -9 of the stream between a table's append and its batch's commit",
        kill_after_append,
        sabotage.ROW_DOUBLED,
    ),
    DrillFault("kill-jvm", "kill -9 of the stream's JVM", kill_jvm, sabotage.CHECKPOINT_AHEAD),
    DrillFault("kill-feed", "kill -9 of a feed", kill("feed-binance"), sabotage.LEDGER_REMOVED),
    DrillFault("kill-kafka", "kill -9 of the broker", kill("kafka"), sabotage.OFFSET_SKIPPED),
    DrillFault("kill-postgres", "kill -9 of Postgres", kill("postgres"), sabotage.MINUTE_CHANGED),
    DrillFault("kill-trader", "kill -9 of the trader", kill("trader"), sabotage.DECISION_REMOVED),
    DrillFault("kill-minutes", "kill -9 of minutes", kill("minutes"), sabotage.MINUTE_CHANGED),
    DrillFault("kill-watcher", "kill -9 of the watcher", kill("watcher"), sabotage.SIGNAL_REMOVED),
    DrillFault("kill-venues", "kill -9 of all venues", kill("simulator"), sabotage.LEDGER_REMOVED),
    DrillFault(
        "kill-everything",
        "kill -9 of every process at once",
        kill_all,
        sabotage.FILE_LOST,
        end=start_again,
    ),
    DrillFault(
        "broker-away",
        "the broker stopped for 10 s",
        stop("kafka"),
        sabotage.OFFSET_SKIPPED,
        end=start("kafka"),
        lasts_s=10.0,
    ),
    DrillFault(
        "broker-hangs",
        "the broker suspended for 10 s",
        suspend("kafka"),
        sabotage.TRADE_REMOVED,
        end=resume("kafka"),
        lasts_s=10.0,
    ),
    DrillFault(
        "postgres-hangs",
        "Postgres suspended for 15 s",
        suspend("postgres"),
        sabotage.DECISION_CHANGED,
        end=resume("postgres"),
        lasts_s=15.0,
    ),
    DrillFault(
        "venue-silent",
        "Gemini silent for 12 s, without an answer to pings",
        break_venues(SILENT),
        sabotage.OFFSET_SKIPPED,
        lasts_s=12.0,
    ),
    DrillFault("venue-cuts", "Gemini's frame cut off", break_venues(CUT), sabotage.LEDGER_REMOVED),
    DrillFault(
        "venue-skips",
        "a trade of Binance skipped, another one sent twice, Deribit's out of order",
        break_venues(SKIPPED, REPEATED, REORDERED),
        sabotage.CONTRACT_CHANGED,
    ),
    DrillFault(
        "venue-refuses",
        "Deribit closes, then answers 429 with Retry-After twice",
        break_venues(REFUSED, CLOSED),
        sabotage.LEDGER_REMOVED,
    ),
    DrillFault(
        "venue-ahead",
        "a trade of Binance with a clock that is far ahead",
        break_venues(AHEAD),
        sabotage.QUARANTINE_REMOVED,
    ),
    DrillFault(
        "junk-records",
        "records that are no messages, and a trade of the year 2199, in Kafka",
        send_junk,
        sabotage.QUARANTINE_REMOVED,
    ),
    DrillFault(
        "checkpoint-cut",
        "the newest offsets of the stream's checkpoint cut off",
        damage_checkpoint,
        sabotage.CHECKPOINT_AHEAD,
        end=repair_and_start_stream,
    ),
    DrillFault(
        "commit-cut",
        "the newest commit of table trades cut off",
        damage_commit,
        sabotage.TRADE_REMOVED,
        end=repair_and_start_stream,
    ),
    DrillFault(
        "spool-flipped",
        "a byte of a feed's spool flipped while the broker is away",
        damage_spool,
        sabotage.LEDGER_REMOVED,
        end=start_broker_and_feed,
    ),
    DrillFault(
        "ids-emptied",
        "the file of a feed's last trade ids emptied",
        empty_trade_ids,
        sabotage.LEDGER_REMOVED,
        end=start("feed-binance"),
    ),
    DrillFault(
        "disk-floor",
        "less of the disk free than the floor, for 10 s",
        raise_floor,
        sabotage.AUCTION_REMOVED,
        end=lower_floor,
        lasts_s=10.0,
    ),
)
