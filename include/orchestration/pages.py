"""Pages beside Airflow's own: quality reports and forecasts.

A small FastAPI application that the plugin mounts under `/tickhouse`; whoever is logged in to
Airflow may read them. They are shown as tabs of a run and of a task instance.
"""

import html
import re
from typing import Any

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import FileResponse, HTMLResponse
from markdown_it import MarkdownIt

from include.forecast.publications import find_published
from include.object_path import ObjectPath, StorePath, list_paths
from include.quality.page import page_of
from include.settings import from_environment

PREFIX = "/tickhouse"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]*")
SHELL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1rem; max-width: 70rem; }}
h1, h2, td {{ overflow-wrap: anywhere; }} td:first-child {{ white-space: nowrap; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.15rem; }}
table {{ border-collapse: collapse; margin: .8rem 0; }}
th, td {{ border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
img {{ max-width: 100%; background: #fff; border-radius: 4px; }}
pre, code {{ font-size: .9em; }} .dim {{ opacity: .7; }}
</style></head><body>{body}</body></html>"""
NO_REPORT = (
    "# No quality report of this run\n\nA gate writes one when it has run: tasks *check* of "
    "`ingest_history` and `publish_forecast`, and the checks of the lake.\n"
)


def render_page(title: str, body: str) -> HTMLResponse:
    """A page around some HTML."""
    return HTMLResponse(SHELL.format(title=html.escape(title), body=body))


def as_html(markdown: str) -> str:
    """Markdown with tables as HTML; HTML inside it is shown as text."""
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


def check_name(name: str) -> str:
    """The name of a file or folder, checked.

    Raises:
        HTTPException: it could lead outside its folder (404).
    """
    if not NAME.fullmatch(name) or ".." in name:
        raise HTTPException(404, "there is no such page")
    return name


def serve_picture(picture: StorePath) -> Response:
    """A PNG file.

    Raises:
        HTTPException: there is none (404).
    """
    if picture.suffix != ".png" or not picture.is_file():
        raise HTTPException(404, "there is no such picture")
    if isinstance(picture, ObjectPath):
        return Response(picture.read_bytes(), media_type="image/png")
    return FileResponse(picture)


app = FastAPI(
    title="Tickhouse",
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[Depends(get_user)],
)


@app.get("/quality/{name}")
def quality(name: str) -> Any:
    """The quality report of a run, or a picture of one."""
    folder = from_environment().world_store / "quality"
    if name.endswith(".png"):
        return serve_picture(folder / check_name(name))
    page = page_of(folder, name)
    text = page.read_text(encoding="utf-8") if page.is_file() else NO_REPORT
    return render_page(f"Quality of {name}", as_html(text))


@app.get("/forecasts")
def forecasts() -> HTMLResponse:
    """The published forecasts, the newest first, each with its manifest and its plots."""
    settings = from_environment()
    manifests = [
        path
        for symbol in settings.forecast.all_symbols
        for path in list_paths(settings.forecasts_of(symbol), "*/manifest.json")[::-1]
    ]
    parts = [_render_forecast(path) for path in manifests] or ["<p>None is published yet.</p>"]
    return render_page("Forecasts", "<h1>Published forecasts</h1>" + "".join(parts))


@app.get("/forecasts/{forecast}/{name}")
def plot(forecast: str, name: str) -> Response:
    """A plot of a forecast."""
    folder = find_published(from_environment(), check_name(forecast))
    return serve_picture(folder / check_name(name))


def _render_forecast(manifest: StorePath) -> str:
    name = html.escape(manifest.parent.name)
    plots = "".join(
        f'<p><img alt="{html.escape(path.stem)}" src="{PREFIX}/forecasts/{name}/'
        f'{html.escape(path.name)}"></p>'
        for path in list_paths(manifest.parent, "*.png")
    )
    text = html.escape(manifest.read_text(encoding="utf-8"))
    return f"<h2>{name}</h2>{plots}<details><summary>manifest</summary><pre>{text}</pre></details>"
