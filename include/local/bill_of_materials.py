"""What an installation is made of, as a CycloneDX document: packages and jars with versions."""

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.errors import PlatformError
from include.local.jars import IVY_FILE
from include.local.tool import run_tool
from include.settings import ROOT


def bill_of_materials() -> dict[str, Any]:
    """The document, CycloneDX 1.5 as JSON has it, without packages that only developers need.

    Of the jars it has those that `ivy.xml` names, not what Ivy brings with them.

    Raises:
        PlatformError: there is no uv that can write it.
    """
    failure = "the packages of uv.lock could not be listed"
    with TemporaryDirectory() as folder:
        file = Path(folder) / "packages.json"
        command = [_find_uv(), "export", "--frozen", "--no-dev", "--format", "cyclonedx1.5"]
        command += ["--project", str(ROOT), "--output-file", str(file)]
        run_tool(command, failure=failure)
        document: dict[str, Any] = json.loads(file.read_text())
    document["components"] += _list_jars()
    return document


def _list_jars() -> list[dict[str, str]]:
    jars = [jar.attrib for jar in ET.parse(IVY_FILE).getroot().iter("dependency")]
    return [
        {
            "type": "library",
            "bom-ref": f"{jar['org']}:{jar['name']}@{jar['rev']}",
            "group": jar["org"],
            "name": jar["name"],
            "version": jar["rev"],
            "purl": f"pkg:maven/{jar['org']}/{jar['name']}@{jar['rev']}",
        }
        for jar in jars
    ]


def _find_uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    path = str(beside) if beside.exists() else shutil.which("uv")
    if not path:
        raise PlatformError("no uv beside Python or on the PATH: install it (pip install uv)")
    return path
