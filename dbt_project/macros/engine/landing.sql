{#
  landing(table): the rows of one landed table, as a relation to select from.

  Reads exactly the files that the manifest lists, so what a killed run left behind is never seen. The zero-row
  shape file keeps the columns typed where nothing has landed yet.
#}
{% macro landing(table, shape='attempts', newer_than_applied=false) -%}
    {{ return(adapter.dispatch('landing', 'tokencost')(table, shape, newer_than_applied)) }}
{%- endmacro %}

{% macro duckdb__landing(table, shape, newer_than_applied) -%}
    {%- set files = [] -%}
    {%- for batch in landed_batches() if table in batch.tables -%}
        {%- if not newer_than_applied or not batch.applied -%}
            {%- do files.append(batch.tables[table]) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set paths = [landing_dir() ~ '/shapes/' ~ shape ~ '.parquet'] -%}
    {%- for file in (files if newer_than_applied else with_packs(table, files)) -%}
        {%- do paths.append(landing_dir() ~ '/' ~ file) -%}
    {%- endfor -%}
    read_parquet({{ parquet_list(paths) }}, union_by_name = true)
{%- endmacro %}

{#- with_packs(table, files): the files to read for these: a pack instead of the many small ones whose rows it holds. -#}
{% macro with_packs(table, files) -%}
    {%- if not execute -%}
        {{ return(files) }}
    {%- endif -%}
    {%- set found = [] -%}
    {%- set replaced = [] -%}
    {%- set in_force = set(files) -%}
    {%- for pack in landed_packs() if pack['table'] == table and in_force.issuperset(pack['replaces']) -%}
        {%- do found.append(pack['file']) -%}
        {%- do replaced.extend(pack['replaces']) -%}
    {%- endfor -%}
    {%- set replaced = set(replaced) -%}
    {%- for file in files if file not in replaced -%}
        {%- do found.append(file) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- The packs on record, read once a command as well. -#}
{% macro landed_packs() -%}
    {%- if 'tokencost_landed_packs' not in graph -%}
        {%- set record = sql_text(landing_dir() ~ '/packs.json') -%}
        {%- set packs = [] -%}
        {%- if run_query("select count(*) from glob('" ~ record ~ "')").columns[0].values()[0] > 0 -%}
            {%- do packs.extend(fromjson(run_query("select content from read_text('" ~ record ~ "')").columns[0].values()[0])) -%}
        {%- endif -%}
        {%- do graph.update({'tokencost_landed_packs': packs}) -%}
    {%- endif -%}
    {{ return(graph['tokencost_landed_packs']) }}
{%- endmacro %}

{#- landed_reference(name): a reference table (price book, rules, run context) in force now. -#}
{% macro landed_reference(name) -%}
    {{ return(adapter.dispatch('landed_reference', 'tokencost')(name)) }}
{%- endmacro %}

{% macro duckdb__landed_reference(name) -%}
    {%- set file = landing_dir() ~ '/reference/' ~ name ~ '.parquet' -%}
    {%- set landed = execute and run_query("select count(*) from glob('" ~ sql_text(file) ~ "')").columns[0].values()[0] > 0 -%}
    {%- set files = [landing_dir() ~ '/shapes/' ~ name ~ '.parquet'] + ([file] if landed else []) -%}
    read_parquet({{ parquet_list(files) }}, union_by_name = true)
{%- endmacro %}

{#- The files ledger as of the newest batch. -#}
{% macro landed_ledger() -%}
    {{ return(adapter.dispatch('landed_ledger', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__landed_ledger() -%}
    {%- set batches = landed_batches() -%}
    {%- set files = [landing_dir() ~ '/shapes/files.parquet'] -%}
    {%- if batches -%}
        {%- do files.append(landing_dir() ~ '/' ~ batches[-1].tables['files']) -%}
    {%- endif -%}
    read_parquet({{ parquet_list(files) }}, union_by_name = true)
{%- endmacro %}

{#-
  landed_batches(): [{key, tables: {table: file}, applied, unknown_fields: {'source.field': records}}], oldest first, from the manifest. The key holds the batch's
  number and a digest of its entry, so that a batch of a landing zone that was made anew is another batch.
  Read once a command and kept in `graph`, which the models of a command share: an hourly schedule has 8,760 batches a
  year, nothing lands while dbt runs, and which are applied is written last.
-#}
{% macro landed_batches() -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if 'tokencost_landed_batches' not in graph -%}
        {%- do graph.update({'tokencost_landed_batches': read_landed_batches()}) -%}
    {%- endif -%}
    {{ return(graph['tokencost_landed_batches']) }}
{%- endmacro %}

{% macro read_landed_batches() -%}
    {%- set batches = [] -%}
    {%- set text = manifest_text() -%}
    {%- if text is not none -%}
        {%- set applied = applied_batches() -%}
        {%- set landed = fromjson(text) -%}
        {%- set purged = set((landed.get('retention') or {}).get('purged', [])) -%}
        {%- for batch in landed['batches'] -%}
            {%- set tables = {} -%}
            {%- for name, entry in batch['tables'].items() if entry['file'] not in purged -%}
                {%- do tables.update({name: entry['file']}) -%}
            {%- endfor -%}
            {%- set key = batch['seq'] ~ '@' ~ local_md5(tojson(batch, sort_keys=true)) -%}
            {%- do batches.append({'key': key, 'tables': tables, 'applied': key in applied, 'unknown_fields': batch.get('unknown_fields', {})}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(batches) }}
{%- endmacro %}

{#- The manifest of the landing zone, or nothing before the first batch. -#}
{% macro manifest_text() -%}
    {{ return(adapter.dispatch('manifest_text', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__manifest_text() -%}
    {%- set manifest = landing_dir() ~ '/manifest.json' -%}
    {%- set found = run_query("select count(*) from glob('" ~ sql_text(manifest) ~ "')").columns[0].values()[0] -%}
    {%- if found > 0 -%}
        {{ return(run_query("select content from read_text('" ~ sql_text(manifest) ~ "')").columns[0].values()[0]) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro landing_dir() -%}
    {{ return(env_var('TOKENCOST_DATA_DIR') ~ '/landing') }}
{%- endmacro %}

{% macro parquet_list(files) -%}
    [{% for file in files %}'{{ sql_text(file) }}'{% if not loop.last %}, {% endif %}{% endfor %}]
{%- endmacro %}

{#- Text inside single quotes. -#}
{% macro sql_text(value) -%}
    {{ return(value | replace("'", "''")) }}
{%- endmacro %}
