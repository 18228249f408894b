"""The assets that join the DAGs: who produces one starts those who consume it."""

from airflow.sdk import Asset

HISTORY_MINUTES = Asset("history_minutes")
FORECAST_MODEL = Asset("forecast_model")
PUBLISHED_FORECAST = Asset("published_forecast")
