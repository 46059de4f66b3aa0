{#- What has landed stands in tables here: warehouse/clickhouse/load.py brings it in before dbt runs. -#}
{% macro clickhouse_landed(table) -%}
    {{ schema_of('landing') }}.{{ table }}
{%- endmacro %}

{% macro clickhouse__landing(table, shape, newer_than_applied) -%}
    {%- set keys = [] -%}
    {%- for batch in landed_batches() if table in batch.tables -%}
        {%- if not newer_than_applied or not batch.applied -%}
            {%- do keys.append("'" ~ batch.key ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    (
        select * except (batch_key) from {{ clickhouse_landed(table) }}
        where {% if keys %}batch_key in ({{ keys | join(', ') }}){% else %}false{% endif %}
    )
{%- endmacro %}

{% macro clickhouse__landed_reference(name) -%}
    {{ clickhouse_landed(name) }}
{%- endmacro %}

{% macro clickhouse__landed_ledger() -%}
    {%- set batches = landed_batches() -%}
    (
        select * except (batch_key) from {{ clickhouse_landed('files') }}
        where {% if batches %}batch_key = '{{ batches[-1].key }}'{% else %}false{% endif %}
    )
{%- endmacro %}

{% macro clickhouse__manifest_text() -%}
    {%- set text = run_query('select content from ' ~ clickhouse_landed('_manifest')).columns[0].values()[0] -%}
    {{ return(none if text == '{}' else text) }}
{%- endmacro %}
