{#
  The retention of attempts (docs/ARCHITECTURE.md). Events before the watermark are closed: nothing recomputes their
  hours, their attempts go, and their rollups are read from the archive in the landing zone when everything is rebuilt.

  retention(): {closed_before, last_day, archive: {mart: [{file, rows}]}, purged: [file]}, or nothing when no event was
  ever closed. From the manifest, so that watermark, archive and purged files are in force together.
#}
{% macro retention() -%}
    {{ return(adapter.dispatch('retention', 'tokencost')()) }}
{%- endmacro %}

{#- Read once a command, see landed_batches(). -#}
{% macro duckdb__retention() -%}
    {%- if not execute -%}
        {{ return({}) }}
    {%- endif -%}
    {%- if 'tokencost_retention' not in graph -%}
        {%- set manifest = sql_text(landing_dir() ~ '/manifest.json') -%}
        {%- set kept = {} -%}
        {%- if run_query("select count(*) from glob('" ~ manifest ~ "')").columns[0].values()[0] > 0 -%}
            {%- set found = run_query("select cast(json_extract(content, '$.retention') as varchar) from read_text('" ~ manifest ~ "')").columns[0].values()[0] -%}
            {%- if found is not none -%}
                {%- do kept.update(fromjson(found) or {}) -%}
            {%- endif -%}
        {%- endif -%}
        {%- do graph.update({'tokencost_retention': kept}) -%}
    {%- endif -%}
    {{ return(graph['tokencost_retention']) }}
{%- endmacro %}

{#- is_open(instant): has retention left this event's day alone? What has no instant is never closed. -#}
{% macro is_open(instant) -%}
    {%- set closed = retention() -%}
    {%- if closed -%}
        ({{ instant }} is null or {{ instant }} >= {{ instant_literal(closed['closed_before']) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
  is_open_hour(hour): the same for an hour of a rollup, which is closed when it ends by the watermark. An hour may begin
  before it where the time zone was changed since: then it holds open events alone.
-#}
{% macro is_open_hour(hour) -%}
    {%- set closed = retention() -%}
    {%- if closed -%}
        ({{ hour }} is null or {{ hour }} + interval 1 hour > {{ instant_literal(closed['closed_before']) }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#-
  closed_rows(): the archived rows of the model that calls it, with the columns of its contract. A column that did not
  exist when they were archived is NULL, or 0 where the contract wants a number.
-#}
{% macro closed_rows() -%}
    {{ return(adapter.dispatch('closed_rows', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__closed_rows() -%}
    {%- set files = [] -%}
    {%- for entry in retention().get('archive', {}).get(model.name, []) -%}
        {%- do files.append(landing_dir() ~ '/' ~ entry['file']) -%}
    {%- endfor -%}
    {%- if not files -%}
        select
        {%- for name, column in model.columns.items() %}
            cast(null as {{ column.data_type }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
        where false
    {%- else -%}
        {%- set archive = 'read_parquet(' ~ parquet_list(files) ~ ', union_by_name = true)' -%}
        {%- set archived = run_query('describe select * from ' ~ archive).columns[0].values() -%}
        select
        {%- for name, column in model.columns.items() %}
            {%- set kinds = [] -%}
            {%- for constraint in column.constraints -%}{%- do kinds.append(constraint.type | string) -%}{%- endfor -%}
            {%- set is_number = column.data_type.startswith('decimal') or column.data_type in ('bigint', 'integer') %}
            {%- set missing = '0' if is_number and 'not_null' in (kinds | join(' ')) else 'null' %}
            cast({{ name if name in archived else missing }} as {{ column.data_type }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
        from {{ archive }}
    {%- endif -%}
{%- endmacro %}

{#- closed_days_touched(last_day): does this run recompute a date that was closed? Only after a change of the time zone. -#}
{% macro closed_days_touched(last_day) -%}
    {%- set first = run_query('select cast(min(day) as varchar) from ' ~ ref('int_days__touched')).rows[0][0] if execute else none -%}
    {{ return(first is not none and first <= last_day) }}
{%- endmacro %}

{#-
  Hooks of the facts. Closed attempts go, but for those of requests that went on into open days: a request goes when its
  last attempt is closed, so that it never loses its first. The archive says which they are.
-#}
{% macro purge_closed_attempts() -%}
    {%- if execute and retention() -%}
    delete from {{ this }}
    where not {{ is_open('occurred_at') }}
        and (source, event_id) not in (select source, event_id from ({{ closed_rows() }}) as kept)
    {%- endif -%}
{%- endmacro %}

{% macro purge_closed_requests() -%}
    {%- if execute and retention() -%}
    delete from {{ this }} where not {{ is_open('last_seen') }}
    {%- endif -%}
{%- endmacro %}
