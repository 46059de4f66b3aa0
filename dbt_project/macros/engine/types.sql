{#
  engine_type(name): the engine's own name of a type of our contracts (varchar, bigint, integer, boolean, date,
  timestamptz, decimal(p,s)).
#}
{% macro engine_type(name) -%}
    {{ return(adapter.dispatch('engine_type', 'tokencost')(name)) }}
{%- endmacro %}

{% macro duckdb__engine_type(name) -%}
    {{ return(name) }}
{%- endmacro %}

{#- instant_literal(text): an instant as a literal, from RFC 3339 or from the engine's own text of one. -#}
{% macro instant_literal(text) -%}
    {{ return(adapter.dispatch('instant_literal', 'tokencost')(text)) }}
{%- endmacro %}

{% macro duckdb__instant_literal(text) -%}
    timestamptz '{{ text }}'
{%- endmacro %}

{#- no_rows(columns): a relation without a row; `columns` gives the type of each by its name. -#}
{% macro no_rows(columns) -%}
    (
        select
        {%- for name, type in columns.items() %}
            cast(null as {{ engine_type(type) }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
        where false
    ) as nothing
{%- endmacro %}

{#- optional(column): the column as one that may be NULL, for lead and lag, which else answer 0 where there is no row. -#}
{% macro optional(column) -%}
    {{ return(adapter.dispatch('optional', 'tokencost')(column)) }}
{%- endmacro %}

{% macro duckdb__optional(column) -%}
    {{ return(column) }}
{%- endmacro %}
