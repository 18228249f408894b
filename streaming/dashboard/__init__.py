"""The live Bokeh page."""
