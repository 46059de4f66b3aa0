"""The engine `clickhouse`: a server, or the embedded engine in this process. Imports no Dagster."""
