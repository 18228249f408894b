"""Pure DataFrame -> DataFrame functions."""
