"""Faults made on purpose in a scratch world, counted by an implementation of its own."""
