"""The object store of `up --cluster`: S3Proxy over a folder of this world."""

from pathlib import Path
from urllib.parse import urlsplit

from include.atomic_files import write_file
from include.local.cluster_jars import ensure_store_classpath
from include.local.java import ensure_java
from include.local.program import open_port
from include.local.properties import write_properties
from include.settings import Settings
from include.store_refusals import SCHEME

HEAP_MB = 256
LOGGING = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %p %logger{1} %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


def prepare(settings: Settings) -> Path:
    """The server's configuration, and its folder with the bucket of the settings."""
    home = settings.home / "object-store"
    bucket = settings.store.removeprefix(SCHEME).partition("/")[0]
    (home / "buckets" / bucket).mkdir(parents=True, exist_ok=True)
    properties = {
        "s3proxy.endpoint": settings.s3.endpoint,
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": settings.s3.access_key.reveal(),
        "s3proxy.credential": settings.s3.secret_key.reveal(),
        "jclouds.provider": "filesystem-nio2",
        "jclouds.filesystem.basedir": home / "buckets",
    }
    write_file(home / "logback.xml", LOGGING)
    write_properties(home / "s3proxy.conf", properties)
    return home / "s3proxy.conf"


def build_command(settings: Settings) -> list[str]:
    """The server's command line, to be run in the foreground."""
    home = settings.home / "object-store"
    return [
        str(ensure_java()),
        f"-Xmx{HEAP_MB}m",
        "-XX:+UseSerialGC",
        f"-Dlogback.configurationFile={home / 'logback.xml'}",
        "-cp",
        ensure_store_classpath(),
        "org.gaul.s3proxy.Main",
        "--properties",
        str(home / "s3proxy.conf"),
    ]


def answers(settings: Settings) -> bool:
    """Whether the server listens."""
    address = urlsplit(settings.s3.endpoint)
    return open_port(str(address.hostname), address.port or 80)
