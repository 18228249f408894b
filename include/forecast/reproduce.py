"""A published forecast made once more, from nothing but its manifest and the lake's versions."""

import hashlib

from include.errors import ForecastError
from include.forecast import fit, forecast_file, prophet
from include.forecast.draft_forecast import MINUTE, predicted
from include.forecast.forecast_file import Manifest
from include.forecast.history import minutes_at_versions
from include.settings import Settings


def reproduce_forecast(settings: Settings, forecast_id: str) -> tuple[Manifest, bytes]:
    """Its manifest, and the forecast file's content: trained and predicted anew.

    Inputs are read at the Delta versions that the manifest names; the content is the published
    one, bit for bit, if its sha256 is the manifest's.

    Raises:
        ForecastError: no such forecast, or it does not say from when on it was trained.
        QueryError: a version of an input is no longer kept.
    """
    manifest = forecast_file.read(settings.forecasts / forecast_id).manifest
    if manifest.trained_from is None:
        raise ForecastError(f"forecast {forecast_id} does not say from when on it was trained")
    minutes = minutes_at_versions(
        settings.lake,
        symbol=manifest.symbol,
        first=manifest.trained_from,
        last=manifest.trained_until,
        versions=manifest.versions,
    )
    fitted = fit.fit(minutes.frame)
    # a published forecast comes from a kept model, so this one goes through its JSON too
    kept = prophet.from_json(prophet.to_json(fitted.prophet))
    start = manifest.trained_until + MINUTE
    _, content = predicted(kept, start=start, minutes=manifest.rows, walk=fitted.walk)
    return manifest, content


def matches_manifest(manifest: Manifest, content: bytes) -> bool:
    """Whether this is the content that was published."""
    return hashlib.sha256(content).hexdigest() == manifest.sha256
