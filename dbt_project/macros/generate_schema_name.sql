{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The contract names the schemas; no target prefix. -#}
    {{ schema_of(custom_schema_name | trim) if custom_schema_name else target.schema }}
{%- endmacro %}
