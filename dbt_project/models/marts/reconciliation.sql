{#-
  Only provider days that an invoice in USD covers are compared: where there is no invoice, no gap is known. A day that
  is billed by model is compared by model, any other as a whole (model NULL). Each compared cell has one cause, so the
  gaps by cause add up to the gap exactly.
-#}
with invoiced as (

    select * from {{ ref('int_invoices__summed') }}

),

covered as (

    select provider, day, {{ any_true('model is not null') }} as is_by_model
    from invoiced
    where currency = 'USD'
    group by provider, day

),

-- The provider's day is UTC. In zones that are not whole hours off UTC the hour over midnight counts where it began.
hours as (

    select
        provider, {{ utc_day('hour') }} as day, model, cost_usd, reported_cost_usd, attempts, unpriced_attempts
    from {{ ref('agg_hourly') }}

),

seen as (

    select
        hours.provider,
        hours.day,
        case when covered.is_by_model then hours.model end as model,
        sum(hours.cost_usd) as cost_usd,
        sum(hours.reported_cost_usd) as reported_usd,
        sum(hours.attempts) as attempts,
        sum(hours.unpriced_attempts) as unpriced_attempts
    from hours
    inner join covered on hours.provider = covered.provider and hours.day = covered.day
    group by hours.provider, hours.day, case when covered.is_by_model then hours.model end

),

-- gpt-4o in a log and gpt-4o-2024-08-06 on the invoice are one model where the price book says so.
names as (

    select provider, day, model from invoiced where model is not null
    union
    select provider, day, model from seen where model is not null

),

alias_words as (

    select *
    from {{ ref('stg_pricing__aliases') }}
    qualify row_number() over (
        partition by provider, alias, match, effective_from
        order by recorded_at desc
    ) = 1

),

-- A name with a price of its own is a model, as it is for pricing.
priced as (

    select distinct provider, model from {{ ref('stg_pricing__prices') }}

),

known as (

    select
        names.provider as provider,
        names.day as day,
        names.model as model,
        coalesce(aliases.model, names.model) as known_model
    from names
    left join priced on names.provider = priced.provider and names.model = priced.model
    left join alias_words as aliases
        on names.provider = aliases.provider
        and priced.model is null
        and aliases.status = 'active'
        and {{ utc_day('aliases.effective_from') }} <= names.day
        and (
            names.model = aliases.alias
            or aliases.match = 'date_suffix' and {{ has_date_suffix('names.model', 'aliases.alias') }}
        )
    qualify row_number() over (
        partition by names.provider, names.day, names.model
        order by
            case when aliases.match = 'exact' then 1 else 2 end,
            length(aliases.alias) desc,
            aliases.effective_from desc
    ) = 1

),

both_sides as (

    select
        invoiced.provider, invoiced.day, known.known_model as model, invoiced.currency, invoiced.amount,
        null as cost_usd, null as reported_usd, 0 as attempts, 0 as unpriced_attempts
    from invoiced
    left join known
        on invoiced.provider = known.provider and invoiced.day = known.day and invoiced.model = known.model

    union all

    select
        seen.provider, seen.day, known.known_model as model, 'USD' as currency, null as amount,
        seen.cost_usd, seen.reported_usd, seen.attempts, seen.unpriced_attempts
    from seen
    left join known
        on seen.provider = known.provider and seen.day = known.day and seen.model = known.model

),

cells as (

    select
        provider,
        day,
        model,
        currency,
        count(amount) > 0 as is_billed,
        cast(coalesce(sum(amount), 0) as {{ money_type() }}) as amount,
        -- No attempts cost nothing; attempts of which no cost is known cost nobody knows what.
        cast(case when sum(attempts) = 0 then 0 else sum(cost_usd) end as {{ money_type() }}) as computed_usd,
        cast(sum(reported_usd) as {{ money_type() }}) as reported_usd,
        cast(sum(attempts) as bigint) as attempts,
        cast(sum(unpriced_attempts) as bigint) as unpriced_attempts
    from both_sides
    group by provider, day, model, currency

),

elsewhere as (

    select distinct provider, day, model from cells where currency != 'USD'

),

compared as (

    select
        {% for column in [
            'provider', 'day', 'model', 'currency', 'is_billed', 'amount', 'computed_usd', 'reported_usd', 'attempts',
            'unpriced_attempts',
        ] -%}
        cells.{{ column }} as {{ column }},
        {% endfor -%}
        cast(cells.amount - coalesce(cells.computed_usd, 0) as {{ money_type() }}) as gap_usd,
        -- What is billed without a model on a day billed by model has no side of ours to stand against.
        cells.model is not null or not covered.is_by_model as has_a_side
    from cells
    inner join covered on cells.provider = covered.provider and cells.day = covered.day
    left join elsewhere
        on cells.provider = elsewhere.provider
        and cells.day = elsewhere.day
        and cells.model is not distinct from elsewhere.model
    where cells.currency = 'USD' and (cells.is_billed or elsewhere.provider is null)

),

-- A wrong price is off by the same factor every day. Nearest ratios are neighbours in the order of ratios.
ratios as (

    select
        provider, day, model,
        {{ money_ratio('amount', 'computed_usd') }} as ratio
    from compared
    where attempts > 0 and unpriced_attempts = 0 and amount > 0 and computed_usd > 0 and abs(gap_usd) > cast('0.005' as {{ money_type() }})

),

neighbours as (

    select
        ratios.*,
        lag({{ optional('ratio') }}) over (partition by provider, model order by ratio, day) as below,
        lead({{ optional('ratio') }}) over (partition by provider, model order by ratio, day) as above
    from ratios

),

steady as (

    select provider, day, model
    from neighbours
    where (ratio - below) * 200 <= below or (above - ratio) * 200 <= ratio

)

select
    compared.provider,
    compared.day,
    compared.model,
    case
        when abs(compared.gap_usd) <= cast('0.005' as {{ money_type() }}) then 'none'
        when compared.attempts = 0 and compared.gap_usd > 0 and compared.has_a_side then 'missing_traffic'
        when compared.unpriced_attempts > 0 and compared.gap_usd > 0 then 'unpriced_models'
        when steady.provider is not null then 'price_difference'
        else 'unexplained'
    end as cause,
    compared.currency,
    compared.amount as invoiced_amount,
    compared.computed_usd,
    compared.amount as invoiced_usd,
    compared.gap_usd,
    compared.reported_usd,
    compared.attempts,
    compared.unpriced_attempts
from compared
left join steady
    on compared.provider = steady.provider
    and compared.day = steady.day
    and compared.model is not distinct from steady.model

union all

select
    provider,
    day,
    model,
    'other_currency' as cause,
    currency,
    amount as invoiced_amount,
    null as computed_usd,
    null as invoiced_usd,
    null as gap_usd,
    null as reported_usd,
    null as attempts,
    null as unpriced_attempts
from cells
where currency != 'USD'
