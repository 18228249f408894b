"""What the DAGs share: assets and retry policies."""
