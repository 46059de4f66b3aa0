"""Benchmarks: what the warehouse costs to run, measured in one way for all. Never imported by the package."""
