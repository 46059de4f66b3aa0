{#
  materialized='incremental' on ClickHouse, with our strategies `replace` and `append`.

  There is no transaction. New rows are made first, aside; then what they replace is deleted, then they are moved in. A
  run that dies in between is seen by pipeline.py, which rebuilds everything, and rows that came twice are one row for
  ReplacingMergeTree.
#}
{% materialization incremental, adapter='clickhouse' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set has_contract = config.get('contract').enforced -%}
    {%- set aside = this.incorporate(path={'identifier': this.identifier ~ '__dbt_tmp'}, type='table') -%}
    {{ drop_relation_if_exists(load_cached_relation(aside)) }}
    {{ run_hooks(pre_hooks) }}

    {%- if existing is none -%}
        {%- call statement('main') -%}{{ get_create_table_as_sql(False, target_relation, sql) }}{%- endcall -%}
    {%- elif should_full_refresh() -%}
        {%- call statement('main') -%}{{ get_create_table_as_sql(False, aside, sql) }}{%- endcall -%}
        {%- do clickhouse_swap(aside, target_relation) -%}
    {%- elif config.get('incremental_strategy') == 'append' -%}
        {%- call statement('main') -%}{{ clickhouse__insert_into(target_relation, sql, has_contract) }}{%- endcall -%}
    {%- else -%}
        {%- call statement('make_aside') -%}
            create table {{ aside }} {{ on_cluster_clause(target_relation) }} as {{ target_relation }}
        {%- endcall -%}
        {%- call statement('main') -%}{{ clickhouse__insert_into(aside, sql, has_contract) }}{%- endcall -%}
        {%- for condition in replaced_rows() -%}
            {%- call statement('delete_replaced') -%}
                delete from {{ target_relation }} {{ on_cluster_clause(target_relation) }} where {{ condition }}
            {%- endcall -%}
        {%- endfor -%}
        {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='quoted') | join(', ') -%}
        {%- call statement('insert_replacing') -%}
            insert into {{ target_relation }} ({{ columns }}) select {{ columns }} from {{ aside }}
        {%- endcall -%}
        {%- do adapter.drop_relation(aside) -%}
    {%- endif -%}

    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- Where the file system or the server cannot exchange two tables at once, one is renamed after the other. -#}
{% macro clickhouse_swap(fresh, old) -%}
    {%- if adapter.can_exchange(old.schema, 'table') -%}
        {%- do exchange_tables_atomic(fresh, old) -%}
        {%- do adapter.drop_relation(fresh) -%}
    {%- else -%}
        {%- do adapter.drop_relation(old) -%}
        {%- do adapter.rename_relation(fresh, old) -%}
    {%- endif -%}
{%- endmacro %}

{#- Conditions of the rows that this run replaces; see macros/replace/replace_strategy.sql. -#}
{% macro replaced_rows() -%}
    {%- set meta = config.get('meta') -%}
    {%- set key = meta['replace_key'] -%}
    {%- set scope = scope_relation(meta['replace_scope']) -%}
    {%- set appended = meta.get('appended', 'false') -%}
    {%- set conditions = [
        key ~ ' in (select ' ~ key ~ ' from ' ~ scope ~ ') and not (' ~ appended ~ ')'
    ] -%}
    {%- if appended != 'false' and rebuild_all() -%}{%- do conditions.append(appended) -%}{%- endif -%}
    {{ return(conditions) }}
{%- endmacro %}
