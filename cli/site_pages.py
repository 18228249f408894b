"""Pages of the documentation site: the repository's documents, and a reference from the code."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from include.lake.columns import Table
from include.lake.tables import TABLES
from include.market.asyncapi import SUMMARIES
from include.market.wire import TOPIC_OF_KIND
from include.settings import ROOT, list_variables
from include.trading.reasons import order_reasons_as_markdown, reasons_as_markdown

HOME = "index.md"
SOURCES = {"README.md": HOME, "ARCHITECTURE.md": "architecture.md"}
SOURCES |= {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
SOURCES |= {"CHANGELOG.md": "changelog.md", "bench/RESULTS.md": "results.md"}
NAVIGATION = {
    "Begin": ("index", "first-hour", "howto"),
    "What it shows": (
        "shows-prices",
        "shows-forecast",
        "shows-book",
        "shows-flows",
        "shows-minutes",
    ),
    "Use it": ("operations", "tables", "trading", "forecasting", "notebooks", "runbook"),
    "Run it elsewhere": ("scaling", "simulator", "faults"),
    "Reference": ("settings", "verbs", "columns", "topics", "reasons"),
    "Why and how": ("architecture", "decisions", "results", "mutation"),
    "Take part": ("contributing", "security", "changelog"),
}
_LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
_PICTURE = re.compile(r"<!-- picture: ([\w-]+) -->")
_NO_PICTURE = (
    "*Its picture is made from the running product by "
    "`./tickhouse test tests/browser/test_pictures.py`; build the site again then.*"
)
_HIDDEN = ("PASSWORD", "SECRET", "KEY")


def list_pages(verbs: click.Group) -> dict[str, str]:
    """The Markdown of every page by its name; `verbs` are those of the command."""
    documents = {path: path.rpartition("/")[2] for path in _list_documents()} | SOURCES
    pages = {
        page: _rewrite_links((ROOT / path).read_text(), Path(path).parent, documents)
        for path, page in documents.items()
    }
    return pages | {
        "settings.md": describe_settings(),
        "verbs.md": describe_verbs(verbs),
        "columns.md": describe_tables(TABLES.values()),
        "topics.md": describe_topics(),
        "reasons.md": describe_reasons(),
    }


def place_pictures(text: str, folder: Path) -> str:
    """The text with the pictures that there are in a folder; a sentence for one there is not."""

    def place(mark: re.Match[str]) -> str:
        name = f"{mark[1]}.png"
        return f"![{mark[1]}](pictures/{name})" if (folder / name).exists() else _NO_PICTURE

    return _PICTURE.sub(place, text)


def describe_settings() -> str:
    """Every setting with its default and meaning."""
    rows = []
    for name, (default, meaning) in list_variables().items():
        text = ",".join(default) if isinstance(default, tuple) else str(default)
        is_hidden = text == "***" or any(word in name for word in _HIDDEN)
        is_path = name == "TICKHOUSE_VAR"
        rows.append((f"`{name}`", "" if is_hidden or is_path else _code(text), meaning))
    return _page("Settings", _make_table(("setting", "default", "meaning"), rows))


def describe_verbs(verbs: click.Group) -> str:
    """The help of every verb, as the command prints it."""
    parts = []
    for name, verb in verbs.commands.items():
        parts.append(_describe_verb(verb, f"tickhouse {name}"))
        if isinstance(verb, click.Group):
            parts += [
                _describe_verb(part, f"tickhouse {name} {of_group}")
                for of_group, part in verb.commands.items()
            ]
    return _page("Verbs", "\n".join(parts))


def describe_tables(tables: Iterable[Table]) -> str:
    """Every table of the lake with its columns, types and units."""
    parts = []
    for table in tables:
        rows = [(f"`{c.name}`", f"`{c.type}`", c.comment) for c in table.columns]
        heading = f"## {table.name}\n\n{table.comment}.\n\n"
        parts.append(heading + _make_table(("column", "type", "meaning"), rows))
    return _page("Tables and columns", "\n".join(parts))


def describe_topics() -> str:
    """Every Kafka topic with the kinds of messages in it."""
    rows = [
        (
            f"`{topic}`",
            ", ".join(f"`{kind}`" for kind, of_kind in TOPIC_OF_KIND.items() if of_kind == topic),
            summary,
        )
        for topic, summary in SUMMARIES.items()
    ]
    text = "The messages as JSON Schema: `docs/asyncapi.json` (AsyncAPI 3.0).\n\n"
    return _page("Kafka topics", text + _make_table(("topic", "kinds", "holds"), rows))


def describe_reasons() -> str:
    """Every reason code of decisions and orders."""
    return _page("Reason codes", f"{reasons_as_markdown()}\n{order_reasons_as_markdown()}")


def _list_documents() -> list[str]:
    return [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]


def _describe_verb(verb: click.Command, name: str) -> str:
    with click.Context(verb, info_name=name) as context:
        return f"## `{name}`\n\n```text\n{verb.get_help(context)}\n```\n"


def _rewrite_links(text: str, folder: Path, documents: dict[str, str]) -> str:
    """The text with its links to other documents as the site has them; others become plain."""

    def rewrite(link: re.Match[str]) -> str:
        target, anchor = link[1], link[2] or ""
        if "://" in target or target.startswith("mailto:"):
            return link[0]
        path = (ROOT / folder / target).resolve().relative_to(ROOT).as_posix()
        return f"]({documents[path]}{anchor})" if path in documents else f"](#) (`{path}`)"

    return _LINK.sub(rewrite, text)


def _make_table(columns: Sequence[str], table_rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *table_rows]
    return "\n".join(f"| {' | '.join(map(_escape, cells))} |" for cells in lines) + "\n"


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _page(title: str, text: str) -> str:
    return f"# {title}\n\n{text}"
