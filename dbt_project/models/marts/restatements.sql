-- depends_on: {{ ref('fct_attempts') }}
with reasons as (

    select
        *,
        case
            when before_price_id is distinct from after_price_id then
                'price row ' || coalesce(before_price_id, '(none)') || ' -> ' || coalesce(after_price_id, '(none)')
            when before_discount_id is distinct from after_discount_id then
                'discount ' || coalesce(before_discount_id, '(none)') || ' -> ' || coalesce(after_discount_id, '(none)')
            when price_currency != 'USD' then 'exchange rate of ' || price_currency
            when after_cost_basis = 'estimate_per_request' or before_cost_basis = 'estimate_per_request' then
                'estimate for a request'
            else 'price row ' || coalesce(after_price_id, '(none)') || ' as it is read now'
        end
        || case
            when book_as_of is null then ''
            else ', book as of ' || {{ instant_text('book_as_of') }}
        end as reason
    from {{ ref('int_attempts__restated') }}

)

select
    restated_at,
    day,
    tenant_id,
    provider,
    model,
    count(*) as attempts,
    cast(sum(before_cost_usd) as {{ money_type() }}) as before_usd,
    cast(sum(after_cost_usd) as {{ money_type() }}) as after_usd,
    cast(coalesce(sum(after_cost_usd), 0) - coalesce(sum(before_cost_usd), 0) as {{ money_type() }}) as difference_usd,
    count(*) filter (where before_cost_usd is null) as unpriced_before,
    count(*) filter (where after_cost_usd is null) as unpriced_after,
    reason as why
from reasons
group by restated_at, day, tenant_id, provider, model, reason
