"""Reports a person can read: pages as data, rendered to Markdown with SVG charts, CSV files and
`stats.json`.

    exports (Parquet) -> source -> queries/*.sql -> pages/*.py -> Markdown, CSV, stats -> publish

A page module knows its queries, its charts and its figures, and nothing about Markdown: another face (HTML)
renders the same `model.Page`. Nothing here writes outside the reports folder, and nothing reads the live
warehouse.
"""
