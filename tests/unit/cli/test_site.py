"""The documentation site has every document, setting, verb, table, topic and reason, and builds."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from cli.site_pages import NAVIGATION, SOURCES, list_pages, place_pictures
from include.errors import PlatformError
from include.lake.tables import TABLES
from include.market.wire import TOPICS
from include.optional_packages import install_command
from include.settings import ROOT, list_variables
from include.trading.reasons import Reason
from tests.support.absences import describe_absence

PAGES = list_pages(cli)
ABSENT = describe_absence("mkdocs is not installed", command=install_command("docs"))


def test_each_page_is_in_the_navigation_once() -> None:
    named = [f"{page}.md" for pages in NAVIGATION.values() for page in pages]
    assert sorted(named) == sorted(PAGES)
    documents = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert documents | set(SOURCES.values()) <= set(PAGES)


def test_the_reference_is_what_the_code_has() -> None:
    assert [name for name in list_variables() if f"| `{name}` |" not in PAGES["settings.md"]] == []
    verbs = [name for name in cli.commands if f"## `tickhouse {name}`" not in PAGES["verbs.md"]]
    assert verbs == []
    for name, table in TABLES.items():
        section = PAGES["columns.md"].partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert [c.name for c in table.columns if f"| `{c.name}` |" not in section] == []
    assert [topic for topic in TOPICS if f"| `{topic}` |" not in PAGES["topics.md"]] == []
    assert [code for code in Reason if f"| `{code}` |" not in PAGES["reasons.md"]] == []


def test_no_secret_and_no_path_of_this_machine_is_on_a_page() -> None:
    text = "\n".join(PAGES.values())
    assert str(ROOT) not in text
    assert not re.search(r"\| `TICKHOUSE_\w*PASSWORD` \| `", text)


def test_a_page_has_its_picture_or_names_the_test_that_makes_it(tmp_path: Path) -> None:
    marks = {name: text for name, text in PAGES.items() if "<!-- picture: " in text}
    assert len(marks) == 5
    text = place_pictures(PAGES["shows-book.md"], tmp_path)
    assert "<!--" not in text and "tests/browser/test_pictures.py" in text
    (tmp_path / "book.png").write_bytes(b"")
    assert "![book](pictures/book.png)" in place_pictures(PAGES["shows-book.md"], tmp_path)


def test_links_lead_to_pages() -> None:
    for name, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#\s]+\.md)", text):
            assert target in PAGES or "://" in target, (name, target)


@pytest.mark.skipif(find_spec("mkdocs") is None, reason=ABSENT)
def test_the_site_is_built_and_a_link_that_leads_nowhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = CliRunner().invoke(cli, ["docs", "--output", str(tmp_path / "site")])
    assert built.exit_code == 0, built.output
    assert "Every market message is accounted for" in (tmp_path / "site/index.html").read_text()
    (tmp_path / "mine").mkdir()
    refused = CliRunner().invoke(cli, ["docs", "--output", str(tmp_path / "mine")])
    assert refused.exit_code == 1 and (tmp_path / "mine").exists()
    broken = PAGES | {"faults.md": "# Faults\n\n[gone](gone.md)\n"}
    monkeypatch.setattr("cli.site_pages.list_pages", lambda _: broken)
    failed = CliRunner().invoke(cli, ["docs", "--output", str(tmp_path / "other")])
    assert failed.exit_code == 1 and not (tmp_path / "other").exists()


def test_without_mkdocs_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cli.documentation.find_spec", lambda _: None)
    with pytest.raises(PlatformError, match="--group docs"):
        cli.commands["docs"].callback(None)  # type: ignore[misc]
