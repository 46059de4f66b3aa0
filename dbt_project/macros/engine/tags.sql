{#- tag_value(tags, name): the text of one tag; NULL where there is none. `name` is a plain word. -#}
{% macro tag_value(tags, name) -%}
    {{ return(adapter.dispatch('tag_value', 'tokencost')(tags, name)) }}
{%- endmacro %}

{% macro duckdb__tag_value(tags, name) -%}
    json_extract_string({{ tags }}, '$."{{ name }}"')
{%- endmacro %}
