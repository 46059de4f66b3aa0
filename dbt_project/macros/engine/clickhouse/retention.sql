{#- The retention of attempts is DuckDB's alone so far: pipeline.py refuses it for this target. -#}
{% macro clickhouse__retention() -%}
    {{ return({}) }}
{%- endmacro %}

{% macro clickhouse__closed_rows() -%}
    {{ exceptions.raise_compiler_error('closed days are not read by the target clickhouse') }}
{%- endmacro %}
