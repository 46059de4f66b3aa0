{#- in_order(columns): several columns as one value that orders rows, the first column first. -#}
{% macro in_order(columns) -%}
    {{ return(adapter.dispatch('in_order', 'tokencost')(columns)) }}
{%- endmacro %}

{% macro duckdb__in_order(columns) -%}
    row({{ columns | join(', ') }})
{%- endmacro %}

{#- first_known(value, order): the first value that is not NULL. An aggregate. -#}
{% macro first_known(value, order) -%}
    {{ return(adapter.dispatch('first_known', 'tokencost')(value, order)) }}
{%- endmacro %}

{% macro duckdb__first_known(value, order) -%}
    arg_min({{ value }}, {{ order }})
{%- endmacro %}

{#- last_known(value, order): the last value that is not NULL. An aggregate. -#}
{% macro last_known(value, order) -%}
    {{ return(adapter.dispatch('last_known', 'tokencost')(value, order)) }}
{%- endmacro %}

{% macro duckdb__last_known(value, order) -%}
    arg_max({{ value }}, {{ order }})
{%- endmacro %}

{#- any_true(condition): does it hold for any row? An aggregate. -#}
{% macro any_true(condition) -%}
    {{ return(adapter.dispatch('any_true', 'tokencost')(condition)) }}
{%- endmacro %}

{% macro duckdb__any_true(condition) -%}
    bool_or({{ condition }})
{%- endmacro %}
