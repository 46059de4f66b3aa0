"""raw/ to landing zone: bytes in, typed Parquet batches out, nothing lost. Imports no Dagster."""
