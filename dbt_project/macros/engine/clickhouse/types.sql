{% macro clickhouse__engine_type(name) -%}
    {%- set known = {
        'varchar': 'String', 'bigint': 'Int64', 'integer': 'Int32', 'boolean': 'Bool', 'date': 'Date32',
        'timestamptz': "DateTime64(6, 'UTC')",
    } -%}
    {{ return(known.get(name, name | replace('decimal(', 'Decimal('))) }}
{%- endmacro %}

{% macro clickhouse__instant_literal(text) -%}
    cast('{{ text }}' as DateTime64(6, 'UTC'))
{%- endmacro %}

{% macro clickhouse__optional(column) -%}
    toNullable({{ column }})
{%- endmacro %}
