"""Any request opens in the browser: its rows lie in one of many small files, found by the hash of its id.

`lines` says what a row is, `full` and `patch` make shards, `state` remembers them, `update` is the entry point.
"""
