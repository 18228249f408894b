"""Who watches the stream from outside: its lag in Postgres and in metrics, and alerts."""
