"""Java: found, installed with apt where that is allowed, or asked for in one sentence."""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from include.errors import PlatformError
from include.local.apt import install_packages

PACKAGE = "openjdk-17-jre-headless"
MIN_VERSION = 17
# Spark computes with the first; the second compiles our own classes (`jars.py`).
NEEDED_MODULES = ("jdk.incubator.vector", "jdk.compiler")


def find_java() -> Path | None:
    """The first Java 17+ with a full runtime: JAVA_HOME's, the PATH's, Debian's; or nothing."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin/java"] if home else []
    candidates += [Path(command)] if (command := shutil.which("java")) else []
    candidates += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    return next((path for path in candidates if is_usable(path)), None)


def is_usable(java: Path) -> bool:
    """Whether this Java is 17 or newer and has the modules that are needed."""
    if not java.exists():
        return False
    modules = _output(str(java), "--list-modules")
    version = re.search(r"^java\.base@(\d+)", modules, re.MULTILINE)
    complete = all(name in modules for name in NEEDED_MODULES)
    return version is not None and int(version[1]) >= MIN_VERSION and complete


def ensure_java() -> Path:
    """The `java` to use, installed with apt if none fits and this user may.

    Raises:
        PlatformError: there is none and it could not be installed.
    """
    java = find_java()
    if java is None:
        install_packages(PACKAGE)
        java = find_java()
    if java is None:
        raise PlatformError(
            f"no Java {MIN_VERSION}+ with a full runtime found: install {PACKAGE} "
            "(or set JAVA_HOME) and run the command again"
        )
    return java


def java_home() -> Path:
    """JAVA_HOME for Spark: the folder above `bin/java`, links resolved."""
    return ensure_java().resolve().parent.parent


@cache  # half a second each, and every command line of a JVM asks
def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
