"""Fault injection: a script names the faults, the venues they hit, and when."""
