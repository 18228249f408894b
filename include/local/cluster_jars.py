"""What a cluster's servers on this machine need besides: an object store, and Postgres with TLS.

Both come from the registry of jars, as `ivy.xml` pins them, when they are first asked for.
"""

import io
import platform
import tarfile
import zipfile
from pathlib import Path

from include.errors import PlatformError
from include.local.jars import CLUSTER, ensure_extra_jars

POSTGRES, BUNDLE = "postgres", "embedded-postgres-binaries-*.jar"
MACHINES = ("x86_64", "AMD64")


def ensure_store_classpath() -> str:
    """The class path of the object store's server.

    Raises:
        PlatformError: the jars cannot be fetched.
    """
    return f"{_ensure_servers()}/*"


def ensure_tls_postgres() -> Path:
    """The folder of PostgreSQL's programs of a build with TLS.

    Raises:
        PlatformError: the build cannot be fetched, or is not what it should be.
    """
    return _ensure_servers() / POSTGRES / "bin"


def _ensure_servers() -> Path:
    if platform.machine() not in MACHINES:
        raise PlatformError(
            f"up --cluster has no PostgreSQL with TLS for a machine of type {platform.machine()}: "
            f"it runs on {' or '.join(MACHINES)}"
        )
    return ensure_extra_jars(CLUSTER, unpack=_unpack_postgres)


def _unpack_postgres(folder: Path) -> None:
    """Unpack the build beside its jar, which is an archive within an archive."""
    (jar,) = folder.glob(BUNDLE)
    with zipfile.ZipFile(jar) as bundle:
        names = [name for name in bundle.namelist() if name.endswith(".txz")]
        if len(names) != 1:
            raise PlatformError(f"{jar.name} holds {len(names)} archives of PostgreSQL, not one")
        with tarfile.open(fileobj=io.BytesIO(bundle.read(names[0])), mode="r:xz") as archive:
            archive.extractall(folder / POSTGRES, filter="data")
    jar.unlink()
