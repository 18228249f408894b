"""The settings of alerts and of metrics: who receives what, and where numbers are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from include.market.feed_shards import FeedShard
from include.market.venues import VENUES
from include.setting_fields import COUNT, POSITIVE, SHARE, Secret, setting
from include.setting_kinds import (
    FloatRatio,
    FloatSeconds,
    Host,
    Mailbox,
    Mailboxes,
    Megabytes,
    Minutes,
    Port,
    PortOrOff,
    SecretUrl,
    Text,
    YesOrNo,
)

PORTS_BETWEEN_SHARDS = 100


@dataclass(frozen=True)
class AlertSettings:
    """Where alerts go besides `var/WORLD/alerts.log`, which always has them."""

    webhook: SecretUrl = setting(
        Secret(""), "URL that each alert is posted to as JSON; empty: none"
    )
    email_to: Mailboxes = setting(
        "", "addresses that alerts are mailed to, comma separated; empty: none"
    )
    email_from: Mailbox = setting("tickhouse@localhost", "sender of the mails")
    smtp_host: Host = setting("127.0.0.1", "mail server")
    smtp_port: Port = setting(25, "its port")
    smtp_security: Text = setting(
        "none", "its protection: none, starttls, or tls", choices=("none", "starttls", "tls")
    )
    smtp_user: Text = setting("", "log-in at the mail server; empty: none is needed")
    smtp_password: Secret = setting(Secret(""), "password of that log-in")
    timeout_s: FloatSeconds = setting(10.0, "most seconds that sending to one may take", POSITIVE)
    deadline_minutes: Minutes = setting(
        60, "a DAG run that is not over so many minutes after it was queued is an alert"
    )
    lag_share: FloatRatio = setting(
        0.5,
        "share of Kafka's retention that a message may wait for the stream without an alert",
        SHARE,
    )
    disk_share: FloatRatio = setting(
        0.1, "share of the disk that must be free, or it is an alert", SHARE
    )
    runbook: Text = setting(
        "docs/runbook.md",
        "where the runbook can be read (a path or URL): each alert names its entry there",
    )
    jumps: YesOrNo = setting("yes", "whether a price jump is an alert")
    repeat_minutes: Minutes = setting(60, "minutes until a fault that lasts is an alert again")
    log_mb: Megabytes = setting(1, "size of alerts.log, in MB; one older file of it is kept", COUNT)


@dataclass(frozen=True)
class MetricSettings:
    """Ports of the processes' Prometheus metrics, on the host that everything binds to."""

    host: Host = setting(
        "",
        "host at which `status` asks for a process's metrics where no supervisord runs; {name} is "
        "the process's name; empty: the one that everything binds to",
    )
    watcher: PortOrOff = setting(
        19400, "metrics of the watcher: the stream's lag, rates, alerts; 0: off"
    )
    trader: PortOrOff = setting(19401, "metrics of the trader; 0: off")
    dashboard: PortOrOff = setting(19402, "metrics of the dashboard; 0: off")
    minutes: PortOrOff = setting(19403, "metrics of the minutes process; 0: off")
    feeds: Mapping[str, PortOrOff] = field(
        default_factory=lambda: {name: venue.metrics_port for name, venue in VENUES.items()},
        metadata={"doc": "metrics of the {} feed; 0: off"},
    )
    quotes: PortOrOff = setting(19414, "metrics of the polled suppliers; 0: off")
    every_s: FloatSeconds = setting(
        10.0, "seconds between two looks of the watcher at the stream", POSITIVE
    )

    def port_of(self, shard: FeedShard) -> int:
        """The port of a feed's metrics: for each further shard a hundred above; 0: off."""
        port = self.feeds.get(shard.venue, self.quotes)
        return port + PORTS_BETWEEN_SHARDS * (shard.number - 1) if port else 0

    @property
    def ports(self) -> dict[str, int]:
        """The port of each process's metrics by the process's name, without further shards."""
        return {
            "watcher": self.watcher,
            "trader": self.trader,
            "dashboard": self.dashboard,
            "minutes": self.minutes,
            **{f"feed-{venue}": port for venue, port in self.feeds.items()},
            "feed-quotes": self.quotes,
        }
