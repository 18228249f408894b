"""The long-running Python processes, each `python -m streaming.NAME`."""
