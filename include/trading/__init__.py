"""Pure: trading rules, the account and risk limits."""
