{#-
  A log. Its rows are written by fct_attempts, in the transaction that replaces the facts (macros/replace/restate.sql);
  here it is only made, once, and kept through full refreshes: nothing else remembers what was published.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns'
) }}

select
    cast(null as {{ engine_type('timestamptz') }}) as restated_at,
    cast(null as varchar) as source,
    cast(null as varchar) as event_id,
    cast(null as {{ engine_type('timestamptz') }}) as hour,
    cast(null as {{ engine_type('date') }}) as day,
    cast(null as varchar) as tenant_id,
    cast(null as varchar) as provider,
    cast(null as varchar) as model,
    cast(null as varchar) as price_currency,
    cast(null as varchar) as before_price_id,
    cast(null as varchar) as before_discount_id,
    cast(null as varchar) as before_cost_basis,
    cast(null as {{ money_type() }}) as before_cost_usd,
    cast(null as varchar) as after_price_id,
    cast(null as varchar) as after_discount_id,
    cast(null as varchar) as after_cost_basis,
    cast(null as {{ money_type() }}) as after_cost_usd,
    cast(null as {{ engine_type('timestamptz') }}) as book_as_of
where false
