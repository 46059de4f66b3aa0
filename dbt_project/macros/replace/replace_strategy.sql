{#
  incremental_strategy: replace

  A time-partitioned table is replaced by range, never merged: every row whose `replace_key` stands in the
  `replace_scope` relation is deleted, then the recomputed rows are inserted, in one transaction. A cell that
  vanished at the source vanishes here too, which a merge would keep as a ghost.
  Rows that meet the condition `appended` are added once and stay, until everything is rebuilt.
  The least and the greatest key are given as literals so that the engine prunes blocks outside the range. Where keys have
  no order in time, `replace_span` names the two columns of a row between which it lasts; the rows of the scope say
  first_hour and last_hour.
#}
{% macro get_incremental_replace_sql(arg_dict) -%}
    {%- set key = config.get('meta')['replace_key'] -%}
    {%- set scope = scope_relation(config.get('meta')['replace_scope']) -%}
    {%- set span = config.get('meta').get('replace_span') -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set bounds = run_query('select cast(min(' ~ key ~ ') as varchar), cast(max(' ~ key ~ ') as varchar) from ' ~ scope).rows[0] -%}
    {%- set appended = config.get('meta').get('appended', 'false') -%}
    {%- if bounds[0] is not none -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ key }} in (select {{ key }} from {{ scope }})
        and {{ key }} between '{{ sql_text(bounds[0]) }}' and '{{ sql_text(bounds[1]) }}'
        {%- if span %}
        and {{ in_touched_spans(config.get('meta')['replace_scope'], span[0], span[1]) }}
        {%- endif %}
        and not ({{ appended }});
    {% endif -%}
    {%- if appended != 'false' and rebuild_all() -%}
    delete from {{ arg_dict['target_relation'] }} where {{ appended }};
    {% endif -%}
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#- The relation of an intermediate model that lists what is replaced in this run. -#}
{% macro scope_relation(name) -%}
    {{ return(adapter.get_relation(database=target.database, schema=schema_of('intermediate'), identifier=name)) }}
{%- endmacro %}
