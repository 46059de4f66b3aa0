{#- all_but(columns, of=''): every column (of a relation) but these. -#}
{% macro all_but(columns, of='') -%}
    {{ return(adapter.dispatch('all_but', 'tokencost')(columns, of)) }}
{%- endmacro %}

{% macro duckdb__all_but(columns, of) -%}
    {{ of ~ '.' if of }}* exclude ({{ columns | join(', ') }})
{%- endmacro %}

{#- and_by_name(): between two selects with the same columns, whose order may differ where the engine can match names. -#}
{% macro and_by_name() -%}
    {{ return(adapter.dispatch('and_by_name', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__and_by_name() -%}
    union all by name
{%- endmacro %}

{#- whole_numbers(n): a relation of the numbers 0 .. n-1 in its column `number`. -#}
{% macro whole_numbers(n) -%}
    {{ return(adapter.dispatch('whole_numbers', 'tokencost')(n)) }}
{%- endmacro %}

{% macro duckdb__whole_numbers(n) -%}
    range(0, {{ n }}) as series (number)
{%- endmacro %}

{#- The schema of the models of one layer. -#}
{% macro schema_of(layer) -%}
    {{ return(adapter.dispatch('schema_of', 'tokencost')(layer)) }}
{%- endmacro %}

{% macro duckdb__schema_of(layer) -%}
    {{ return(layer) }}
{%- endmacro %}

{#- inlined(): of a CTE that several read and none is to keep in memory. -#}
{% macro inlined() -%}
    {{ return(adapter.dispatch('inlined', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__inlined() -%} not materialized {%- endmacro %}

{#- text_rows(values, name): a select with a row for each of these texts, in its column `name`. -#}
{% macro text_rows(values, name) -%}
    {{ return(adapter.dispatch('text_rows', 'tokencost')(values, name)) }}
{%- endmacro %}

{% macro duckdb__text_rows(values, name) -%}
{%- for value in values -%}
select '{{ sql_text(value) }}' as {{ name }}
{% if not loop.last %}union all {% endif %}
{%- endfor %}
{%- if not values -%}
select cast(null as varchar) as {{ name }} where false
{%- endif %}
{%- endmacro %}
