{#- joined_text(separator, parts): the parts that are not NULL, in their order, with a separator in between. -#}
{% macro joined_text(separator, parts) -%}
    {{ return(adapter.dispatch('joined_text', 'tokencost')(separator, parts)) }}
{%- endmacro %}

{% macro duckdb__joined_text(separator, parts) -%}
    concat_ws('{{ separator }}', {{ parts | join(', ') }})
{%- endmacro %}

{% macro begins_with(text, prefix) -%}
    {{ return(adapter.dispatch('begins_with', 'tokencost')(text, prefix)) }}
{%- endmacro %}

{% macro duckdb__begins_with(text, prefix) -%}
    starts_with({{ text }}, {{ prefix }})
{%- endmacro %}

{#- part_of(text, separator, number): the part with that number, from 1. -#}
{% macro part_of(text, separator, number) -%}
    {{ return(adapter.dispatch('part_of', 'tokencost')(text, separator, number)) }}
{%- endmacro %}

{% macro duckdb__part_of(text, separator, number) -%}
    split_part({{ text }}, '{{ separator }}', {{ number }})
{%- endmacro %}
