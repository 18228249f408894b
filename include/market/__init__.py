"""Pure: events, symbols, the book, measures, minutes and the wire form."""
