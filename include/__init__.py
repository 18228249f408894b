"""The library that every runtime of Tickhouse shares."""
