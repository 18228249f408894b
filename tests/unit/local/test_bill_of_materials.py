"""The bill of materials names what runs, and nothing that only developers need."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import cli
from include.settings import ROOT

OURS = {"bench", "cli", "include", "spark_jobs", "streaming", "dags", "plugins"}
PRODUCT = OURS - {"bench"}
# Rivals of `forecast evaluate`, left out where they are not installed.
OPTIONAL = {"statsforecast"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["version", "--sbom"])
    assert done.exit_code == 0, done.output
    text: dict[str, Any] = json.loads(done.output)
    return text


def versions(document: dict[str, Any], kind: str) -> dict[str, str]:
    return {
        one["name"]: one["version"]
        for one in document["components"]
        if one["purl"].startswith(f"pkg:{kind}/")
    }


def test_it_is_a_cyclonedx_document(document: dict[str, Any]) -> None:
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    assert document["metadata"]["component"]["name"] == "tickhouse"
    references = [one["bom-ref"] for one in document["components"]]
    assert len(references) == len(set(references)) > 100


def test_packages_have_the_versions_of_the_lock(document: dict[str, Any]) -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {(one["name"], one.get("version")) for one in lock["package"]}
    packages = versions(document, "pypi")
    assert set(packages.items()) - locked == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[\[=<>]", text)[0] for text in project["project"]["dependencies"]}
    assert wanted - set(packages) == set()
    assert {"ruff", "mypy", "pytest", "ccxt", "statsforecast", "mutmut"} & set(packages) == set()


def test_jars_have_the_versions_of_the_ivy_file(document: dict[str, Any]) -> None:
    pinned = re.findall(r' name="([^"]+)" rev="([^"]+)"', (ROOT / "ivy.xml").read_text())
    assert sorted(versions(document, "maven").items()) == sorted(pinned)


def test_what_the_product_imports_needs_no_development_package(document: dict[str, Any]) -> None:
    there = set(versions(document, "pypi"))
    brought_by = packages_distributions()
    foreign = imported_modules() - set(sys.stdlib_module_names) - OURS - OPTIONAL
    assert len(foreign) > 20
    absent = {
        name
        for name in foreign
        if not {_normalise(one) for one in brought_by.get(name, [])} & there
    }
    assert absent == set()


def imported_modules() -> set[str]:
    """The first names of all that the product imports."""
    names = set[str]()
    for top in PRODUCT:
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.partition(".")[0])
    return names


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
