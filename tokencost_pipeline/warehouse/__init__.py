"""The warehouse: dbt writes it, everybody else reads it through here. Imports no Dagster."""
