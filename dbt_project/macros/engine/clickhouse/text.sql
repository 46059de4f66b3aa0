{% macro clickhouse__short_hash(text) -%}
    lower(substring(hex(SHA256({{ text }})), 1, 32))
{%- endmacro %}

{% macro clickhouse__quick_hash(text) -%}
    sipHash64({{ text }})
{%- endmacro %}

{% macro clickhouse__joined_text(separator, parts) -%}
    arrayStringConcat(
        arrayFilter(
            part -> part is not null,
            [{% for part in parts %}cast({{ part }} as Nullable(String)){% if not loop.last %}, {% endif %}{% endfor %}]
        ),
        '{{ separator }}'
    )
{%- endmacro %}

{% macro clickhouse__begins_with(text, prefix) -%}
    startsWith({{ text }}, {{ prefix }})
{%- endmacro %}

{% macro clickhouse__part_of(text, separator, number) -%}
    nullIf(splitByChar('{{ separator }}', coalesce({{ text }}, ''))[{{ number }}], '')
{%- endmacro %}

{% macro clickhouse__distinct_list(column) -%}
    nullIf(arrayStringConcat(arraySort(groupUniqArray({{ column }})), ','), '')
{%- endmacro %}

{% macro clickhouse__listed(item, list) -%}
    has(splitByChar(',', coalesce({{ list }}, '')), {{ item }})
{%- endmacro %}

{% macro clickhouse__has_date_suffix(model, alias) -%}
    (
        startsWith({{ model }}, {{ alias }} || '-')
        and match(substring({{ model }}, length({{ alias }}) + 2), '^20[0-9]{2}([0-9]{4}|-[0-9]{2}-[0-9]{2})$')
    )
{%- endmacro %}

{% macro clickhouse__split_rows(column) -%}
    arrayJoin(splitByChar(',', coalesce({{ column }}, '')))
{%- endmacro %}

{% macro clickhouse__instant_text(instant) -%}
    formatDateTime({{ instant }}, '%Y-%m-%dT%H:%i:%SZ', 'UTC')
{%- endmacro %}

{% macro clickhouse__tag_value(tags, name) -%}
    JSONExtract({{ tags }}, '{{ name }}', 'Nullable(String)')
{%- endmacro %}
