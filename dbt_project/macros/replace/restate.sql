{#
  What was published before. fct_attempts is replaced in one transaction; these two hooks run inside it, so that the log
  of restated costs and the facts change together or not at all.
#}
{% macro remember_published_costs() -%}
    {{ return(adapter.dispatch('remember_published_costs', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__remember_published_costs() -%}
    {%- set facts = adapter.get_relation(database=this.database, schema=this.schema, identifier=this.identifier) if execute else none -%}
    {%- if facts is none -%}
    create or replace temporary table published_costs as {{ no_published_costs() }}
    {%- else -%}
    create or replace temporary table published_costs as
    select {{ compared_columns() }}
    from {{ facts }}
    {%- if not flags.FULL_REFRESH %}
    where {{ in_touched_hours('hour') }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#-
  One row for every attempt whose usage stayed as it was and whose cost did not. Another usage is other news: a call that
  was counted anew has a new cost, but no price was restated.
-#}
{% macro log_restated_costs() -%}
    {{ return(adapter.dispatch('log_restated_costs', 'tokencost')()) }}
{%- endmacro %}

{% macro duckdb__log_restated_costs() -%}
    {{ insert_restated_costs('published_costs') }}
{%- endmacro %}

{#- `published`: the relation that remember_published_costs has filled. -#}
{% macro insert_restated_costs(published) -%}
    insert into {{ ref('int_attempts__restated') }} (
        restated_at, source, event_id, hour, day, tenant_id, provider, model, price_currency,
        before_price_id, before_discount_id, before_cost_basis, before_cost_usd,
        after_price_id, after_discount_id, after_cost_basis, after_cost_usd, book_as_of
    )
    select
        (select max(run_at) from {{ ref('stg_run__context') }}) as restated_at,
        facts.source,
        facts.event_id,
        facts.hour,
        facts.day,
        facts.tenant_id,
        facts.provider,
        facts.model,
        facts.price_currency,
        before.price_id as before_price_id,
        before.discount_id as before_discount_id,
        before.cost_basis as before_cost_basis,
        before.cost_usd as before_cost_usd,
        facts.price_id as after_price_id,
        facts.discount_id as after_discount_id,
        facts.cost_basis as after_cost_basis,
        facts.cost_usd as after_cost_usd,
        facts.book_as_of
    from {{ this }} as facts
    inner join {{ published }} as before
        on facts.source = before.source and facts.event_id = before.event_id
    where facts.cost_usd is distinct from before.cost_usd
        and facts.prompt_tokens is not distinct from before.prompt_tokens
        and facts.completion_tokens is not distinct from before.completion_tokens
        and facts.cache_read_tokens is not distinct from before.cache_read_tokens
        and facts.status is not distinct from before.status
    {%- if not flags.FULL_REFRESH %}
        and {{ in_touched_hours('facts.hour') }}
    {%- endif -%}
{%- endmacro %}

{% macro compared_columns() -%}
    source, event_id, price_id, discount_id, cost_basis, cost_usd,
    prompt_tokens, completion_tokens, cache_read_tokens, status
{%- endmacro %}

{% macro no_published_costs() -%}
    select
        '' as source, '' as event_id, '' as price_id, '' as discount_id, '' as cost_basis,
        cast(0 as {{ money_type() }}) as cost_usd,
        cast(0 as bigint) as prompt_tokens, cast(0 as bigint) as completion_tokens,
        cast(0 as bigint) as cache_read_tokens, '' as status
    where false
{%- endmacro %}

{#- in_touched_hours(hour): exactly the hours of this run, with bounds as literals so that blocks outside are skipped. -#}
{% macro in_touched_hours(hour) -%}
    {%- set scope = scope_relation('int_hours__touched') if execute else none -%}
    {{ in_touched_range(hour) }}
    {%- if scope is not none %} and {{ hour }} in (select hour from {{ scope }}){% endif %}
{%- endmacro %}
