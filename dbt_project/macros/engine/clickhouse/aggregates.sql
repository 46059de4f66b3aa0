{% macro clickhouse__in_order(columns) -%}
    tuple({{ columns | join(', ') }})
{%- endmacro %}

{% macro clickhouse__first_by(value, order) -%}
    tupleElement(argMin(tuple({{ value }}), {{ order }}), 1)
{%- endmacro %}

{% macro clickhouse__first_known(value, order) -%}
    argMin({{ value }}, {{ order }})
{%- endmacro %}

{% macro clickhouse__last_known(value, order) -%}
    argMax({{ value }}, {{ order }})
{%- endmacro %}

{% macro clickhouse__any_true(condition) -%}
    (max({{ condition }}) > 0)
{%- endmacro %}
