{% macro clickhouse__all_but(columns, of) -%}
    {{ of ~ '.' if of }}* except ({{ columns | join(', ') }})
{%- endmacro %}

{#- By position: both sides name their columns in the same order. -#}
{% macro clickhouse__and_by_name() -%}
    union all
{%- endmacro %}

{% macro clickhouse__whole_numbers(n) -%}
    numbers({{ n }}) as series
{%- endmacro %}

{#- One server may serve others: the databases of our layers begin with the name in the profile. -#}
{% macro clickhouse__schema_of(layer) -%}
    {{ return(target.schema ~ '_' ~ layer) }}
{%- endmacro %}

{#- A CTE is never kept here. -#}
{% macro clickhouse__inlined() -%}{%- endmacro %}

{% macro clickhouse__text_rows(values, name) -%}
    select arrayJoin(cast([{% for value in values %}'{{ sql_text(value) }}'{% if not loop.last %}, {% endif %}{% endfor %}] as Array(String))) as {{ name }}
{%- endmacro %}
