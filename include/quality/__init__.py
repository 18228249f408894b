"""Data-quality suites and the gate that runs them."""
