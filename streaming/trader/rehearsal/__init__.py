"""The trader's own strategy over what was recorded: a span of the lake, or tapes."""
