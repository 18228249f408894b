"""Postgres: the serving tables, upserts and the trader's journal."""
