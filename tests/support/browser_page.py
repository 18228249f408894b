"""The dashboard's process, and what its page says to a browser."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from include.serving.tables import FORECAST_ANCHORS, FORECAST_POINTS, upsert
from include.settings import ROOT, Settings
from tests.support.chromium import Browser
from tests.support.services import eventually, running

STALE_S = 4
PANELS = ("price", "outlook", "book", "flow", "ratio", "account", "contract", "auctions")
PICTURES = ROOT / "var" / "pictures"
TALL = 900  # what a page of the documentation shows of a picture
MODEL = "Bokeh.documents[0].get_model_by_name"
READY = "return !!(window.Bokeh && Bokeh.documents[0] && " + MODEL + "('beat'))"


def text(name: str) -> str:
    return f"{MODEL}('{name}').text"


def state(panel: str) -> str:
    return f"({text(panel + '_head')}.match(/head (\\w+)/) || [])[1]"


def states(browser: Browser) -> dict[str, str]:
    pairs = ", ".join(f"{panel}: {state(panel)}" for panel in PANELS)
    found: dict[str, str] = browser.run(f"return {{{pairs}}}")
    return found


@contextmanager
def dashboard(settings: Settings, var: Path, **more: str) -> Iterator[Any]:
    """The process on the services of these settings, waited for."""
    ports = settings.ports
    env = {
        "TICKHOUSE_VAR": str(var),
        "TICKHOUSE_POSTGRES_PASSWORD": "for-tests-only",
        "TICKHOUSE_PORTS_KAFKA": str(ports.kafka),
        "TICKHOUSE_PORTS_POSTGRES": str(ports.postgres),
        "TICKHOUSE_PORTS_DASHBOARD": str(ports.dashboard),
        "TICKHOUSE_DASHBOARD_POLL_S": "0.5",
        "TICKHOUSE_DASHBOARD_STALE_S": str(STALE_S),
        "TICKHOUSE_DASHBOARD_REFRESH_S": "0.5",
        **more,
    }
    log = var / "dashboard.log"
    with running([sys.executable, "-m", "streaming.dashboard"], log=log, env=env) as process:
        eventually(lambda: "dashboard serves" in log.read_text(), what="the dashboard serves")
        yield process


def url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.ports.dashboard}/"


def serve_forecast(settings: Settings) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    upsert(
        settings.dsn(),
        FORECAST_POINTS,
        [
            {
                "symbol": "BTC-USD",
                "ds": now + timedelta(minutes=m),
                "yhat": 9000.0 + m / 100,
                "yhat_lower": 8990.0,
                "yhat_upper": 9060.0,
                "made_at": now,
                "model": "m",
            }
            for m in range(-60, 600)
        ],
    )


def serve_anchored(settings: Settings, symbol: str, *, price: float) -> None:
    """A forecast made ten hours ago at a third of the price of now, put at the last minute."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    trained = now - timedelta(hours=10)
    points = [
        {
            "symbol": symbol,
            "ds": trained + timedelta(minutes=m),
            "yhat": price / 3 * math.exp(0.004 * math.sin(m / 40)),
            "yhat_lower": price / 3 * math.exp(0.004 * math.sin(m / 40) - 0.0004 * math.sqrt(m)),
            "yhat_upper": price / 3 * math.exp(0.004 * math.sin(m / 40) + 0.0004 * math.sqrt(m)),
            "made_at": trained,
            "model": f"{symbol}-m",
        }
        for m in range(1, 6000)
    ]
    upsert(settings.dsn(), FORECAST_POINTS, points)
    anchor = {
        "symbol": symbol,
        "forecast_id": "f",
        "model": f"{symbol}-m",
        "trained_until": trained,
        "venue": "gemini",
        "minute": now - timedelta(minutes=2),
        "price": price,
        "level": points[597]["yhat"],
        "volatility": 0.002,
        "published_volatility": 0.001,
    }
    upsert(settings.dsn(), FORECAST_ANCHORS, [anchor])


def no_errors(browser: Browser) -> None:
    bad = [one["message"] for one in browser.log("browser") if one["level"] in {"SEVERE", "ERROR"}]
    assert bad == []


def save_picture(browser: Browser, name: str, selector: str = "") -> Image.Image:
    """Keep what the window shows, or the part of it that an element takes."""
    picture = Image.open(BytesIO(browser.picture())).convert("RGB")
    if selector:
        script = f"const r = document.querySelector('{selector}').getBoundingClientRect();"
        picture = picture.crop(browser.run(f"{script} return [r.left, r.top, r.right, r.bottom]"))
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALL)))
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture.quantize(64).save(PICTURES / f"{name}.png", optimize=True)
    return picture
