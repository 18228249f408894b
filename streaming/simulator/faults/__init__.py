"""Fault injection: a script names the faults, the venues they hit, and when.

Recovery code that never runs does not work, and real outages cannot be scheduled. Every socket and
address of the simulator passes a script; tests run venue and feed in one loop of virtual time.
"""
