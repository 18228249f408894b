"""Reproduces a published forecast from its manifest and the Delta versions that it names."""

import hashlib
from dataclasses import replace

from include.errors import ForecastError
from include.forecast import forecast_file, prophet
from include.forecast.draft_forecast import predict_content
from include.forecast.history import minutes_at_versions
from include.forecast.manifest import Manifest
from include.forecast.publications import find_published
from include.forecast.recipe import Recipe, fit_recipe
from include.market.time import MINUTE
from include.settings import Settings


def reproduce_forecast(settings: Settings, forecast_id: str) -> tuple[Manifest, bytes]:
    """The manifest of a published forecast, and its file's content trained and predicted again.

    Inputs are read at the Delta versions that the manifest names; if their sha256 agree, the
    content is the published one, bit for bit.

    Raises:
        ForecastError: no such forecast, or its manifest has no start of training.
        QueryError: a version of an input was removed.
    """
    manifest = forecast_file.read(find_published(settings, forecast_id)).manifest
    if manifest.trained_from is None:
        raise ForecastError(f"the manifest of forecast {forecast_id} has no trained_from")
    history = minutes_at_versions(
        settings.lake,
        symbol=manifest.symbol,
        span=(manifest.trained_from, manifest.trained_until),
        versions=manifest.versions,
        venue=manifest.venue,
        target=manifest.target,
    )
    recipe = Recipe(manifest.likelihood, manifest.holidays, manifest.target)
    fitted = fit_recipe(history.prices_df, recipe)
    # a published forecast comes from a saved model, so this one goes through JSON too
    model = prophet.from_json(prophet.to_json(fitted.prophet))
    start = manifest.trained_until + MINUTE
    _, content = predict_content(
        replace(fitted, prophet=model),
        start_at=start,
        minutes=manifest.rows,
        hold_bps=manifest.hold_bps,
    )
    return manifest, content


def matches_manifest(manifest: Manifest, content: bytes) -> bool:
    """Whether this content is the published one, by its sha256."""
    return hashlib.sha256(content).hexdigest() == manifest.sha256
