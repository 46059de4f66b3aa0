{#
  What earlier runs have already put into the marts. Looked up by name, not by ref(): these tables are written after
  the marts, so a run that dies half way leaves them behind and the next run does its work again.
#}
{% macro published(schema, name) -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation(database=target.database, schema=schema_of(schema), identifier=name)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#- The keys of the batches that the marts hold, as a set. -#}
{% macro applied_batches() -%}
    {%- set applied = published('ingest', 'applied_batches') -%}
    {%- if applied is none -%}
        {{ return(set([])) }}
    {%- endif -%}
    {{ return(set(run_query("select batch_key from " ~ applied).columns[0].values())) }}
{%- endmacro %}

{#-
  Must everything be rebuilt? Yes when nothing was published, when a batch that was applied is no longer landed
  (the landing zone was replaced).
-#}
{% macro rebuild_all() -%}
    {%- if published('marts', 'fct_attempts') is none or published('ingest', 'applied_reference') is none -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set landed = [] -%}
    {%- for batch in landed_batches() -%}
        {%- do landed.append(batch.key) -%}
    {%- endfor -%}
    {{ return(not applied_batches().issubset(landed)) }}
{%- endmacro %}

{#
  in_touched_range(instant): between the first and the last touched hour, as literals, so that the engine skips files
  and row groups outside. Not a filter on its own: the hours between may be untouched. With `until`: what lasts from
  the one to the other reaches into that range.
#}
{% macro in_touched_range(instant, until=none) -%}
    {%- set bounds = touched_bounds('int_hours__touched', 'hour') -%}
    {%- if bounds is none -%} true
    {%- elif bounds[0] is none -%} false
    {%- else -%}
        ({{ until or instant }} >= {{ instant_literal(bounds[0]) }}
        and {{ instant }} < {{ instant_literal(bounds[1]) }} + interval 1 hour)
    {%- endif -%}
{%- endmacro %}

{#- in_touched_days(day): between the first and the last touched day, likewise. -#}
{% macro in_touched_days(day) -%}
    {%- set bounds = touched_bounds('int_days__touched', 'day') -%}
    {%- if bounds is none -%} true
    {%- elif bounds[0] is none -%} false
    {%- else -%}
        {%- set date = engine_type('date') -%}
        ({{ day }} >= cast('{{ bounds[0] }}' as {{ date }}) and {{ day }} <= cast('{{ bounds[1] }}' as {{ date }}))
    {%- endif -%}
{%- endmacro %}

{#- in_touched_months(day): between the first and the last day of the touched months, likewise. -#}
{% macro in_touched_months(day) -%}
    {%- set bounds = touched_bounds('int_days__touched', 'month') -%}
    {%- if bounds is none -%} true
    {%- elif bounds[0] is none -%} false
    {%- else -%}
        {%- set date = engine_type('date') -%}
        ({{ day }} >= cast('{{ bounds[0] }}' as {{ date }})
        and {{ day }} < cast('{{ bounds[1] }}' as {{ date }}) + interval 1 month)
    {%- endif -%}
{%- endmacro %}

{#-
  in_touched_spans(scope, first, last): does a row that lasts from the one hour to the other reach into the time from the
  least first_hour to the greatest last_hour of the scope? Likewise.
-#}
{% macro in_touched_spans(scope, first, last) -%}
    {%- set bounds = touched_bounds(scope, 'first_hour', 'last_hour') -%}
    {%- if bounds is none -%} true
    {%- elif bounds[0] is none -%} false
    {%- else -%}
        ({{ last }} >= {{ instant_literal(bounds[0]) }} and {{ first }} <= {{ instant_literal(bounds[1]) }})
    {%- endif -%}
{%- endmacro %}

{#-
  The least and the greatest key of a scope as texts, NULL where nothing was touched; nothing while there is no scope.
  Where its rows last from one key to another: the least of the one, the greatest of the other.
-#}
{% macro touched_bounds(scope, key, until=none) -%}
    {%- set relation = scope_relation(scope) if execute else none -%}
    {%- if relation is none -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(run_query('select cast(min(' ~ key ~ ') as varchar), cast(max(' ~ (until or key) ~ ') as varchar) from ' ~ relation).rows[0]) }}
{%- endmacro %}
