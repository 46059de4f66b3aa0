"""Any request opens in the browser: its rows lie in one of many small files, found by the hash of its id.

`lines` says what a row is, `days` makes the shards of a day, `index` tells in which days a request has lines, `state`
remembers what was made, `update` is the entry point.
"""
