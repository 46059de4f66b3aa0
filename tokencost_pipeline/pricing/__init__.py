"""The price book: read strictly, checked, expanded and landed for dbt.

`load_price_book` reads and checks, `expand` flattens, `land_reference` writes the reference tables.
"""
