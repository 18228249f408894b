"""Pure functions: the shared picture in, plain columns and words for each panel out."""
