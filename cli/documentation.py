"""The verb docs: the documentation as a site, from the repository's documents and the code."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click
import yaml

from cli.console import ERR
from include.atomic_files import publish, remove_folder, write_file
from include.errors import PlatformError
from include.optional_packages import install_command
from include.settings import from_environment

CONFIGURATION = {
    "site_name": "Tickhouse",
    "site_description": "A crypto tick lakehouse: every market message accounted for",
    "theme": {
        "name": "material",
        "font": False,  # nothing is fetched from elsewhere
        "features": ["navigation.sections", "navigation.top", "content.code.copy"],
        "palette": [
            {
                "media": "(prefers-color-scheme: light)",
                "scheme": "default",
                "toggle": {"icon": "material/weather-night", "name": "Dark"},
            },
            {
                "media": "(prefers-color-scheme: dark)",
                "scheme": "slate",
                "toggle": {"icon": "material/weather-sunny", "name": "Light"},
            },
        ],
    },
    "plugins": ["search"],
    "markdown_extensions": ["tables", "fenced_code", "toc", "attr_list"],
    "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
    "use_directory_urls": False,
}


@click.command("docs")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder of the site; else var/site."
)
def build_docs(output: Path | None) -> None:
    """Build the documentation site: the documents, and a reference from the code.

    Settings, verbs, tables, topics and reason codes are written from what this version has. A link
    that leads nowhere is an error. The pages work from a disk, without a server.
    """
    if find_spec("mkdocs") is None:
        raise PlatformError(f"mkdocs is not installed: {install_command('docs')}")
    verbs = click.get_current_context().find_root().command
    assert isinstance(verbs, click.Group)
    folder = (output or from_environment().var / "site").absolute()
    if folder.exists() and not (folder / "sitemap.xml").exists():
        raise PlatformError(f"{folder} exists and is no site: name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        pictures = from_environment().var / "pictures"
        configuration = write_sources(Path(draft), verbs, pictures)
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        command += ["--config-file", str(configuration), "--site-dir", f"{draft}/site"]
        run = subprocess.run(command, check=False, capture_output=True, text=True)
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if "WARNING" in line]
            raise PlatformError(f"the site could not be built: {'; '.join(lines) or run.stderr}")
        if folder.exists():
            remove_folder(folder)
        publish(Path(draft) / "site", folder)
    ERR.print(f"{folder}/index.html", highlight=False, soft_wrap=True)


def write_sources(folder: Path, verbs: click.Group, pictures: Path) -> Path:
    """Write pages, pictures and mkdocs' configuration into a folder; gives the latter's path.

    `pictures` is where the browser tests leave them: a page without its picture names the test.
    """
    from cli.site_pages import NAVIGATION, list_pages, place_pictures

    (folder / "pages" / "pictures").mkdir(parents=True)
    for name, text in list_pages(verbs).items():
        write_file(folder / "pages" / name, place_pictures(text, pictures))
    for picture in pictures.glob("*.png"):
        write_file(folder / "pages" / "pictures" / picture.name, picture.read_bytes())
    navigation = [
        {section: [f"{page}.md" for page in pages]} for section, pages in NAVIGATION.items()
    ]
    configuration = folder / "mkdocs.yml"
    settings = CONFIGURATION | {"docs_dir": "pages", "nav": navigation}
    write_file(configuration, yaml.safe_dump(settings, sort_keys=False))
    return configuration
