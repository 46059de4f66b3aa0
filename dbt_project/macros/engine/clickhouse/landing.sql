{#- What has landed stands in tables here: warehouse/clickhouse/load.py brings it in before dbt runs. -#}
{% macro clickhouse_landed(table) -%}
    {{ schema_of('landing') }}.{{ table }}
{%- endmacro %}

{#- Batches are told apart by subqueries: a list of every key would outgrow a statement in a year of hourly runs. -#}
{% macro clickhouse__landing(table, shape, newer_than_applied) -%}
    {%- set applied = published('ingest', 'applied_batches') if newer_than_applied else none -%}
    (
        select * except (batch_key) from {{ clickhouse_landed(table) }}
        where batch_key in (select batch_key from {{ clickhouse_landed('_loaded') }} where landed = '{{ table }}')
        {%- if applied %}
            and batch_key not in (select batch_key from {{ applied }})
        {%- endif %}
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
