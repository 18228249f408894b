"""The real Kafka, KRaft: its brokers' folders, configurations and commands.

One broker, or the three of `up --cluster`; each is a controller too. Their listener has the
security that clients have by the settings.
"""

import base64
import hashlib
import os
import shutil
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.atomic_files import publish, write_file
from include.bus.login import describe_login
from include.local.certificates import ensure_certificates
from include.local.jars import ensure_jars
from include.local.java import ensure_java
from include.local.tool import run_tool
from include.market.wire import MAX_MESSAGE_BYTES
from include.settings import Settings
from include.settings.brokers import PLAIN, PLAINTEXT
from include.settings.cluster import BROKERS

PROPERTIES = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners={protocol}://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners={protocol}://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name={protocol}
listener.security.protocol.map={protocol}:{protocol},CONTROLLER:{controller_protocol}
log.dirs={log}
num.partitions=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
min.insync.replicas={in_sync}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
message.max.bytes={max_bytes}
replica.fetch.max.bytes={max_bytes}
log.retention.hours={retention}
controlled.shutdown.enable=true
"""
TLS = """\
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.controller.ssl.client.auth=required
"""
LOGIN = """\
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
listener.name.{listener}.{section}.sasl.jaas.config={login}
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
SCRAM_ITERATIONS = 4096


@dataclass(frozen=True)
class Node:
    """A broker of this machine: its process and folder, and where it listens."""

    number: int
    name: str
    port: int
    controller: int


def list_nodes(settings: Settings) -> list[Node]:
    """Every broker that `up` starts."""
    if not settings.cluster.is_started:
        return [Node(1, "kafka", settings.ports.kafka, settings.ports.kafka_controller)]
    ports = settings.cluster_ports
    return [
        Node(number, f"kafka-{number}", ports.broker(number), ports.controller(number))
        for number in range(1, BROKERS + 1)
    ]


def list_logs(settings: Settings) -> list[Path]:
    """The folder of each broker's topics."""
    return [_locate_log(settings, node) for node in list_nodes(settings)]


def prepare(settings: Settings) -> Path:
    """The brokers' configurations, their log folders formatted on first use; the first one's file.

    Raises:
        PlatformError: a folder could not be formatted.
    """
    nodes = list_nodes(settings)
    cluster = _find_cluster_id(settings) or uuid.uuid4().hex[:22]
    for node in nodes:
        home = settings.home / node.name
        home.mkdir(parents=True, exist_ok=True)
        write_file(home / "log4j2.properties", LOG4J)
        if not _locate_log(settings, node).exists():
            _format(settings, node, cluster=cluster)
        _write_properties(settings, node, _locate_log(settings, node))
    return settings.home / nodes[0].name / "server.properties"


def build_command(settings: Settings, node: Node | None = None) -> list[str]:
    """A broker's command line, to be run in the foreground; of the first one without a node."""
    node = node or list_nodes(settings)[0]
    heap_mb = settings.kafka.heap_mb
    return [
        *_build_java_command(settings, node),
        f"-Xmx{heap_mb}m",
        f"-Xms{heap_mb // 4}m",  # it grows when it has to: a quiet broker needs no more
        "kafka.Kafka",
        str(settings.home / node.name / "server.properties"),
    ]


def answers(settings: Settings, node: Node | None = None) -> bool:
    """Whether a broker's port accepts connections; the first one's without a node."""
    node = node or list_nodes(settings)[0]
    try:
        with socket.create_connection((settings.ports.host, node.port), timeout=1):
            return True
    except OSError:
        return False


def _locate_log(settings: Settings, node: Node) -> Path:
    return settings.home / node.name / "log"


def _write_properties(settings: Settings, node: Node, log: Path) -> Path:
    properties = settings.home / node.name / "server.properties"
    nodes, host, security = list_nodes(settings), settings.ports.host, settings.bootstrap.security
    text = PROPERTIES.format(
        number=node.number,
        voters=",".join(f"{other.number}@{host}:{other.controller}" for other in nodes),
        host=host,
        port=node.port,
        controller=node.controller,
        protocol=security.protocol,
        controller_protocol="SSL" if security.is_encrypted else PLAINTEXT,
        log=log,
        replicas=len(nodes),
        in_sync=max(1, len(nodes) - 1),
        max_bytes=MAX_MESSAGE_BYTES + 1024 * 1024,
        retention=settings.kafka.retention_hours,
    )
    write_file(properties, text + _describe_security(settings), mode=0o600)
    return properties


def _describe_security(settings: Settings) -> str:
    """The listener's certificate and log-in, as properties."""
    security, text = settings.bootstrap.security, ""
    if security.is_encrypted:
        certificates = ensure_certificates(
            settings.certificates, host=settings.ports.host, now=datetime.now(UTC)
        )
        text += TLS.format(server=certificates.server, ca=certificates.ca)
    if security.has_login:
        users = [security.user] if security.mechanism == PLAIN else []
        text += LOGIN.format(
            mechanism=security.mechanism,
            listener=security.protocol.lower(),
            section=security.mechanism.lower(),
            login=describe_login(security, users=users).replace("\\", "\\\\"),
        )
    return text


def _build_java_command(settings: Settings, node: Node) -> list[str]:
    log4j = settings.home / node.name / "log4j2.properties"
    return [
        str(ensure_java()),
        f"-Dlog4j2.configurationFile={log4j}",
        "-XX:+UseSerialGC",
        "-cp",
        ensure_jars().kafka_classpath(),
    ]


def _format(settings: Settings, node: Node, *, cluster: str) -> None:
    """Format a log folder: beside its place, for Kafka does not sync what it writes here."""
    draft = _locate_log(settings, node).with_name("log.partial")
    shutil.rmtree(draft, ignore_errors=True)
    properties = _write_properties(settings, node, draft)
    tool = [*_build_java_command(settings, node), "kafka.tools.StorageTool", "format"]
    arguments = ["-t", cluster, "-c", str(properties), *_list_users(settings)]
    run_tool([*tool, *arguments], failure="Kafka's folder could not be formatted")
    publish(draft, _locate_log(settings, node))


def _find_cluster_id(settings: Settings) -> str:
    """The id that the brokers' folders have; empty if none is formatted yet."""
    for log in list_logs(settings):
        meta = log / "meta.properties"
        for line in meta.read_text().splitlines() if meta.exists() else []:
            name, _, value = line.partition("=")
            if name == "cluster.id":
                return value
    return ""


def _list_users(settings: Settings) -> Sequence[str]:
    """The user whom SCRAM knows from the first start on, the password salted and hashed."""
    security = settings.bootstrap.security
    if not security.has_login or security.mechanism == PLAIN:
        return []
    salt, algorithm = os.urandom(16), security.mechanism.removeprefix("SCRAM-")
    salted = hashlib.pbkdf2_hmac(
        algorithm.replace("-", "").lower(),
        security.password.reveal().encode(),
        salt,
        SCRAM_ITERATIONS,
    )
    salt_text, salted_text = (base64.b64encode(part).decode() for part in (salt, salted))
    entry = (
        f"{security.mechanism}=[name={security.user},iterations={SCRAM_ITERATIONS},"
        f'salt="{salt_text}",saltedpassword="{salted_text}"]'
    )
    return ["--add-scram", entry]
