"""What the simulator does wrong on purpose: a script says what, to whom and when."""
