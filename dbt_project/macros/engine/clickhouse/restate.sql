{#
  The two hooks of macros/replace/restate.sql without a transaction. What was published is kept in a table until the log
  holds the difference: a run that dies in between leaves it, and the next one neither forgets it nor logs it twice. That
  it was logged is seen from the log's length, for two runs may have the same stamp.
#}
{% macro clickhouse_published_costs() -%}
    {{ schema_of('intermediate') }}.published_costs
{%- endmacro %}

{% macro clickhouse_make_published_costs() -%}
    create table if not exists {{ clickhouse_published_costs() }} {{ on_cluster_clause(this) }} (
        source String, event_id String, price_id Nullable(String), discount_id Nullable(String),
        cost_basis Nullable(String), cost_usd Nullable(Decimal(38, 15)), prompt_tokens Nullable(Int64),
        completion_tokens Nullable(Int64), cache_read_tokens Nullable(Int64), status Nullable(String),
        logged_before UInt64
    ) engine = MergeTree order by (source, event_id)
{%- endmacro %}

{% macro clickhouse__remember_published_costs() -%}
    {%- if execute -%}
        {%- set facts = adapter.get_relation(database=none, schema=this.schema, identifier=this.identifier) -%}
        {%- do run_query(clickhouse_make_published_costs()) -%}
        {%- if facts is not none -%}
    insert into {{ clickhouse_published_costs() }}
    select {{ compared_columns() }}, (select count(*) from {{ ref('int_attempts__restated') }}) as logged_before
    from {{ facts }}
    where (source, event_id) not in (select source, event_id from {{ clickhouse_published_costs() }})
    {%- if not flags.FULL_REFRESH %} and {{ in_touched_hours('hour') }}{% endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro clickhouse__log_restated_costs() -%}
    {%- if execute -%}
        {%- set published = clickhouse_published_costs() -%}
        {%- do run_query(
            insert_restated_costs(published) ~ ' and (select count(*) from ' ~ ref('int_attempts__restated')
            ~ ') = (select min(logged_before) from ' ~ published ~ ')'
        ) -%}
    drop table {{ published }} {{ on_cluster_clause(this) }} sync
    {%- endif -%}
{%- endmacro %}
