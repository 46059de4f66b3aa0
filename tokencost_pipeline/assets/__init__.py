"""Dagster assets: thin wrappers that read the settings, call a core and tell what it did."""
