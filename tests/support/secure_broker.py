"""A broker that wants TLS and a log-in, with a certificate of an authority of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from include.local import kafka
from include.local.certificates import ensure_certificates
from include.local.scratch import free_ports, run_in_background, wait_for
from include.settings import Settings, load

USER, PASSWORD = "stream", 'p@ss"w\\rd'


def make_authority(folder: Path) -> Path:
    """The certificate of an authority that has signed one for 127.0.0.1."""
    return ensure_certificates(folder, host="127.0.0.1", now=datetime.now(UTC)).ca


@contextmanager
def secure_broker(mechanism: str = "PLAIN") -> Iterator[Settings]:
    """Settings of a broker with SASL_SSL, which runs."""
    port, controller = free_ports(2)
    with TemporaryDirectory() as folder:
        settings = load(
            {
                "TICKHOUSE_VAR": folder,
                "TICKHOUSE_PORTS_KAFKA": port,
                "TICKHOUSE_PORTS_KAFKA_CONTROLLER": controller,
                "TICKHOUSE_KAFKA_SECURITY": "SASL_SSL",
                "TICKHOUSE_KAFKA_SASL_MECHANISM": mechanism,
                "TICKHOUSE_KAFKA_USER": USER,
                "TICKHOUSE_KAFKA_PASSWORD": PASSWORD,
                "TICKHOUSE_KAFKA_CA": str(make_authority(Path(folder) / "sim" / "certificates")),
            }
        )
        kafka.prepare(settings)
        with run_in_background(kafka.build_command(settings)):
            wait_for(lambda: kafka.answers(settings), "broker")
            yield settings
