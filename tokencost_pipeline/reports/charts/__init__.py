"""Chart definitions: plain rows in, a Vega-Lite chart in a given theme out. Every face draws the same
ones."""
