"""The live Bokeh page.

It shows what the system computed: mid price, imbalance and the average across suppliers are those
of `market.signals`. A page that computed its own would look well while the stream stands still, so
this one turns grey when the stream stops, though its feeds live. One state in memory serves all.
"""
