"""What the settings of connections must agree on."""

import ssl
from pathlib import Path

from include.settings.brokers import KafkaSecurity
from include.settings.groups import DatabaseRole, PostgresSettings

_CHECKED = "verify-"


def connection_faults(kafka: KafkaSecurity, postgres: PostgresSettings) -> list[str]:
    """Why Kafka's and Postgres' settings cannot be, a sentence each; empty if they can."""
    faults = [
        *_file_faults("KAFKA_CA", kafka.ca),
        *_file_faults("POSTGRES_CA", postgres.ca),
    ]
    if kafka.has_login and not (kafka.user and kafka.password.reveal()):
        faults.append(
            f"TICKHOUSE_KAFKA_SECURITY={kafka.protocol} needs TICKHOUSE_KAFKA_USER and …_PASSWORD"
        )
    if postgres.sslmode.startswith(_CHECKED) and not postgres.ca:
        faults.append(f"TICKHOUSE_POSTGRES_SSLMODE={postgres.sslmode} needs TICKHOUSE_POSTGRES_CA")
    return faults + _role_faults(postgres)


def _role_faults(postgres: PostgresSettings) -> list[str]:
    """Roles of one name: the second one's rights would be the first one's too."""
    faults: list[str] = []
    setting_of: dict[str, str] = {}
    for role in DatabaseRole:
        name, setting = getattr(postgres, role), f"TICKHOUSE_POSTGRES_{role.upper()}"
        if name in setting_of:
            faults.append(f"{setting}={name!r}: {setting_of[name]} is that role already")
        setting_of.setdefault(name, setting)
    return faults


def _file_faults(name: str, path: str) -> list[str]:
    """Why a file of authorities cannot be; empty without one."""
    if not path:
        return []
    if not Path(path).is_file():
        return [f"TICKHOUSE_{name}={path!r}: no such file"]
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return [f"TICKHOUSE_{name}={path!r}: holds no certificate (a PEM file's)"]
    except OSError as error:
        return [f"TICKHOUSE_{name}={path!r}: cannot be read: {error.strerror}"]
    return []
