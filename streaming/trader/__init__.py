"""The trader: signals and forecasts in, decisions and orders out."""
