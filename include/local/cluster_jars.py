"""What a cluster's servers on this machine need besides: an object store, and Postgres with TLS.

Both come from the registry of jars, as `ivy.xml` pins them, when they are first asked for.
"""

import io
import tarfile
import zipfile
from pathlib import Path

from include.errors import PlatformError
from include.local.jars import CLUSTER, ensure_extra_jars

POSTGRES, BUNDLE = "postgres", "embedded-postgres-binaries-*.jar"


def ensure_store_classpath() -> str:
    """The class path of the object store's server.

    Raises:
        PlatformError: the jars cannot be fetched.
    """
    return f"{ensure_extra_jars(CLUSTER)}/*"


def ensure_tls_postgres() -> Path:
    """The folder of PostgreSQL's programs of a build with TLS.

    Raises:
        PlatformError: the build cannot be fetched, or is not what it should be.
    """
    folder = ensure_extra_jars(CLUSTER, unpack=_unpack_postgres)
    return folder / POSTGRES / "bin"


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
