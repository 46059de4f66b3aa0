{#
  Tables and views are replaced where they stand, in one transaction. dbt's own way (make it under another name, rename
  twice, drop the old one) takes six statements for what DuckDB does in one or two, and there are ninety of them in a
  build.
#}
{% materialization table, adapter='duckdb' -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set before = load_cached_relation(this) -%}
    {%- set has_contract = config.get('contract').enforced -%}
    {{ run_hooks(pre_hooks) }}
    {%- if before is not none and (has_contract or before.type != 'table') -%}
        {%- call statement('make room') -%} drop {{ before.type }} {{ target }} {%- endcall -%}
    {%- endif -%}
    {%- call statement('main') -%}
        {%- if has_contract -%}
            {{ create_table_as(false, target, sql) }}
        {%- else -%}
            create or replace table {{ target }} as (
{{ sql }}
)
        {%- endif -%}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb' -%}
    {%- set target = this.incorporate(type='view') -%}
    {%- set before = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- if before is not none and before.type != 'view' -%}
        {%- call statement('make room') -%} drop {{ before.type }} {{ target }} {%- endcall -%}
    {%- endif -%}
    {%- call statement('main') -%} create or replace view {{ target }} as (
{{ sql }}
) {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do persist_docs(target, model) -%}
    {{ adapter.commit() }}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}
