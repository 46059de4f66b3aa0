{#- short_hash(text): the first 32 hex digits of SHA-256; stable across engines and runs. -#}
{% macro short_hash(text) -%}
    {{ return(adapter.dispatch('short_hash', 'tokencost')(text)) }}
{%- endmacro %}

{% macro duckdb__short_hash(text) -%}
    substr(sha256({{ text }}), 1, 32)
{%- endmacro %}

{#- distinct_list(column): the distinct values, sorted, comma separated. An aggregate. -#}
{% macro distinct_list(column) -%}
    {{ return(adapter.dispatch('distinct_list', 'tokencost')(column)) }}
{%- endmacro %}

{% macro duckdb__distinct_list(column) -%}
    string_agg(distinct {{ column }}, ',' order by {{ column }})
{%- endmacro %}

{#- first_by(value, order): the value of the row that comes first; NULL values count as values. An aggregate. -#}
{% macro first_by(value, order) -%}
    {{ return(adapter.dispatch('first_by', 'tokencost')(value, order)) }}
{%- endmacro %}

{% macro duckdb__first_by(value, order) -%}
    arg_min_null({{ value }}, {{ order }})
{%- endmacro %}

{#- listed(item, list): is the text one of a comma-separated list? -#}
{% macro listed(item, list) -%}
    {{ return(adapter.dispatch('listed', 'tokencost')(item, list)) }}
{%- endmacro %}

{% macro duckdb__listed(item, list) -%}
    list_contains(string_split({{ list }}, ','), {{ item }})
{%- endmacro %}

{#- has_date_suffix(model, alias): is model = alias + '-YYYYMMDD' or alias + '-YYYY-MM-DD'? Nothing fuzzier. -#}
{% macro has_date_suffix(model, alias) -%}
    {{ return(adapter.dispatch('has_date_suffix', 'tokencost')(model, alias)) }}
{%- endmacro %}

{% macro duckdb__has_date_suffix(model, alias) -%}
    (
        starts_with({{ model }}, {{ alias }} || '-')
        and regexp_full_match(substr({{ model }}, length({{ alias }}) + 2), '20\d{2}(\d{4}|-\d{2}-\d{2})')
    )
{%- endmacro %}

{#- split_rows(column): one row per item of a comma-separated list; used in a select list. -#}
{% macro split_rows(column) -%}
    {{ return(adapter.dispatch('split_rows', 'tokencost')(column)) }}
{%- endmacro %}

{% macro duckdb__split_rows(column) -%}
    unnest(string_split({{ column }}, ','))
{%- endmacro %}

{#- instant_text(instant): RFC 3339 in UTC, to the second. -#}
{% macro instant_text(instant) -%}
    {{ return(adapter.dispatch('instant_text', 'tokencost')(instant)) }}
{%- endmacro %}

{% macro duckdb__instant_text(instant) -%}
    strftime(timezone('UTC', {{ instant }}), '%Y-%m-%dT%H:%M:%SZ')
{%- endmacro %}

{#- quick_hash(text): a short hash within one query; what it is may differ between engines and their versions. -#}
{% macro quick_hash(text) -%}
    {{ return(adapter.dispatch('quick_hash', 'tokencost')(text)) }}
{%- endmacro %}

{% macro duckdb__quick_hash(text) -%}
    hash({{ text }})
{%- endmacro %}
