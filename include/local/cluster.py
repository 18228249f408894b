"""The settings of `up --cluster`: those of a real cluster, for servers on this machine.

Their passwords are generated once and kept in the world's own file: nothing of them may stand in
the way of another cluster's, which is set in `.env`.
"""

import secrets
from datetime import datetime

from include.local.certificates import ensure_certificates
from include.local.worlds import write_private
from include.settings import PREFIX, Settings
from include.settings.brokers import SCRAM
from include.settings.cluster import BROKERS, YES
from include.settings.env import read_env

SECRETS = "cluster.env"
BUCKET, USER = "tickhouse", "tickhouse"
PARTITIONS = 3
STREAM_CORES = 6  # a slot for each partition of market.book, two for the other queries, one spare


def cluster_variables(settings: Settings, *, now: datetime) -> dict[str, str]:
    """The variables of the world of these settings on a cluster's servers on this machine.

    Makes the passwords and the certificates, if they are not there.

    Raises:
        PlatformError: a file of the certificates is damaged.
    """
    host, ports = settings.ports.host, settings.cluster_ports
    brokers = ",".join(f"{host}:{ports.broker(number)}" for number in range(1, BROKERS + 1))
    ca = str(ensure_certificates(settings.certificates, host=host, now=now).ca)
    chosen = {
        "CLUSTER_START": YES,
        "KAFKA_BOOTSTRAP": brokers,
        "KAFKA_PARTITIONS": str(PARTITIONS),
        "KAFKA_REPLICATION": str(BROKERS),
        "KAFKA_FLUSH_MESSAGES": "0",  # a record that is acknowledged is on two machines
        "KAFKA_SECURITY": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": SCRAM,
        "KAFKA_USER": USER,
        "KAFKA_CA": ca,
        "POSTGRES_SSLMODE": "verify-full",
        "POSTGRES_CA": ca,
        "STREAM_MASTER": f"spark://{host}:{ports.spark_master}",
        "STREAM_CORES": str(STREAM_CORES),
        "STORE": f"s3a://{BUCKET}",
        "S3_ENDPOINT": f"http://{host}:{ports.object_store}",
    }
    return {PREFIX + name: value for name, value in chosen.items()} | _ensure_secrets(settings)


def _ensure_secrets(settings: Settings) -> dict[str, str]:
    path = settings.home / SECRETS
    generated = {
        f"{PREFIX}KAFKA_PASSWORD": secrets.token_urlsafe(24),
        f"{PREFIX}S3_ACCESS_KEY": secrets.token_hex(10),
        f"{PREFIX}S3_SECRET_KEY": secrets.token_urlsafe(30),
        f"{PREFIX}CLUSTER_SPARK_SECRET": secrets.token_urlsafe(24),
    }
    existing = read_env(path, prefix=PREFIX, is_own=True)
    if generated.keys() - existing.keys():
        write_private(path, generated | existing)
    return generated | existing
