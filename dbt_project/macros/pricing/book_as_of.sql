{#-
  known_to_the_run(recorded_at): was the row of the book known at the instant whose book this run prices with? A run
  prices with the whole book unless it was asked to price with the book as it was.
-#}
{% macro known_to_the_run(recorded_at) -%}
    {{ recorded_at }} <= coalesce(
        (select max(book_as_of) from {{ ref('stg_run__context') }}),
        {{ instant_literal('9999-12-31 00:00:00+00') }}
    )
{%- endmacro %}
