"""The real Kafka broker, KRaft, one process: its folder, its configuration, its command."""

import shutil
import socket
import uuid
from pathlib import Path

from include.atomic_files import publish, write_file
from include.local.jars import ensure_jars
from include.local.java import ensure_java
from include.local.tool import run_tool
from include.market.wire import MAX_MESSAGE_BYTES
from include.settings import Settings

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}
num.partitions=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
message.max.bytes={max_bytes}
replica.fetch.max.bytes={max_bytes}
log.retention.hours={retention}
controlled.shutdown.enable=true
"""
LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def prepare(settings: Settings) -> Path:
    """The broker's configuration file, its log folder formatted on first use.

    Raises:
        PlatformError: the folder could not be formatted.
    """
    home = settings.home / "kafka"
    home.mkdir(parents=True, exist_ok=True)
    write_file(home / "log4j2.properties", LOG4J)
    if not (home / "log").exists():
        _format(settings, home)
    return _write_properties(settings, home / "log")


def _write_properties(settings: Settings, log: Path) -> Path:
    properties = settings.home / "kafka" / "server.properties"
    text = PROPERTIES.format(
        host=settings.ports.host,
        port=settings.ports.kafka,
        controller=settings.ports.kafka_controller,
        log=log,
        max_bytes=MAX_MESSAGE_BYTES + 1024 * 1024,
        retention=settings.kafka.retention_hours,
    )
    write_file(properties, text)
    return properties


def build_command(settings: Settings) -> list[str]:
    """The broker's command line, to be run in the foreground."""
    home = settings.home / "kafka"
    heap_mb = settings.kafka.heap_mb
    return [
        *_build_java_command(settings),
        f"-Xmx{heap_mb}m",
        f"-Xms{heap_mb // 4}m",  # it grows when it has to: a quiet broker needs no more
        "kafka.Kafka",
        str(home / "server.properties"),
    ]


def answers(settings: Settings) -> bool:
    """Whether the broker's port accepts connections."""
    try:
        with socket.create_connection((settings.ports.host, settings.ports.kafka), timeout=1):
            return True
    except OSError:
        return False


def _build_java_command(settings: Settings) -> list[str]:
    log4j = settings.home / "kafka" / "log4j2.properties"
    return [
        str(ensure_java()),
        f"-Dlog4j2.configurationFile={log4j}",
        "-XX:+UseSerialGC",
        "-cp",
        ensure_jars().kafka_classpath(),
    ]


def _format(settings: Settings, home: Path) -> None:
    """Format the log folder: beside its place, for Kafka does not sync what it writes here."""
    draft = home / "log.partial"
    shutil.rmtree(draft, ignore_errors=True)
    properties = _write_properties(settings, draft)
    cluster = uuid.uuid4().hex[:22]
    tool = [*_build_java_command(settings), "kafka.tools.StorageTool", "format"]
    arguments = ["-t", cluster, "-c", str(properties)]
    run_tool([*tool, *arguments], failure="Kafka's folder could not be formatted")
    publish(draft, home / "log")
