with attempts as (

    select
        deduped.*,
        coalesce(deduped.provider, '') as price_provider,
        coalesce(deduped.model, '') as price_model,
        {{ canonical_region('deduped.region') }} as price_region,
        {{ canonical_tier('deduped.service_tier') }} as price_tier,
        {{ utc_day('deduped.occurred_at') }} as price_day,
        baselines.is_local,
        baselines.is_as_served,
        baselines.baseline_provider,
        baselines.baseline_model,
        {{ token_leaves() }}
    from {{ ref('int_attempts__deduped') }} as deduped
    left join {{ ref('int_attempts__baselines') }} as baselines
        on coalesce(deduped.provider, '') = baselines.provider
        and coalesce(deduped.model, '') = baselines.model
        and coalesce(deduped.model_requested, '') = baselines.model_requested
        and coalesce(deduped.feature, '') = baselines.feature

),

prices as (

    select * from {{ ref('int_prices__resolved') }}

),

rates as (

    select {{ all_but(['provider', 'model', 'region', 'service_tier']) }} from prices

),

fx as (

    select currency, valid_from, valid_to, usd_per_unit from {{ ref('stg_pricing__fx_rates') }}

),

days as (

    select distinct {{ utc_day('occurred_at') }} as day from {{ ref('int_attempts__unified') }}

),

-- A join on a range alone tries every version of a key for every attempt. With the day as part of the key an attempt
-- meets the versions of its day only, one as a rule, however long the book has grown. No column has the name of one of
-- the attempts: where many relations are joined not every engine lets a name be used twice.
daily as (

    select
        days.day as price_on,
        prices.price_row as in_force_row,
        prices.provider as price_of_provider,
        prices.model as price_of_model,
        prices.region as price_of_region,
        prices.service_tier as price_of_tier,
        prices.valid_from,
        prices.valid_to,
        prices.min_context_tokens,
        prices.max_context_tokens,
        prices.is_windowed,
        prices.window_timezone,
        prices.window_start_minute,
        prices.window_end_minute,
        prices.window_weekdays,
        prices.window_exclude_dates
    from days
    inner join prices
        on {{ utc_day('prices.valid_from') }} <= days.day
        and {{ utc_day('prices.valid_to') }} >= days.day

),

always as (

    select * from daily where not is_windowed

),

windowed as (

    select * from daily where is_windowed

),

-- Which price row was in force: while a window is open its row beats the plain one.
located as (

    select
        a.*,
        coalesce(served_window.in_force_row, served.in_force_row) as served_row,
        coalesce(baseline_window.in_force_row, baseline.in_force_row) as baseline_row
    from attempts as a
    left join always as served
        on {{ in_force('served', 'a.price_provider', 'a.price_model', 'a.price_region', 'a.price_tier') }}
    left join windowed as served_window
        on {{ in_force('served_window', 'a.price_provider', 'a.price_model', 'a.price_region', 'a.price_tier') }}
        and {{ window_is_open('a.occurred_at', 'served_window') }}
    left join always as baseline
        on not a.is_as_served
        and {{ in_force('baseline', 'a.baseline_provider', 'a.baseline_model', "'default'", "'standard'") }}
    left join windowed as baseline_window
        on not a.is_as_served
        and {{ in_force('baseline_window', 'a.baseline_provider', 'a.baseline_model', "'default'", "'standard'") }}
        and {{ window_is_open('a.occurred_at', 'baseline_window') }}

),

-- What the price rows say, in their own currency. Each is looked up once and before any other join, while the engine
-- still knows that the attempts are the larger side: the other way round it keeps every attempt in memory.
met as (

    select
        located.*,
        price.price_id as met_price_id,
        price.currency as price_currency,
        baseline.currency as baseline_currency,
        price.is_free as is_free_price,
        {{ fully_priced('price') }} as is_fully_priced,
        {{ tokens_cost(prompt_components(), 'price') }} as prompt_tokens_price,
        {{ tokens_cost(['output', 'output_reasoning', 'output_audio', 'output_image'], 'price') }} as completion_tokens_price,
        {{ units_fees('price') }} as units_price,
        case
            when {{ fully_priced('baseline') }}
                then {{ tokens_cost(token_components(), 'baseline') }} + {{ units_fees('baseline') }}
        end as rerouted_price
    from located
    left join rates as price on located.served_row = price.price_row
    left join rates as baseline on located.baseline_row = baseline.price_row

),

discounts as (

    select
        discount_id, factor, valid_from, valid_to,
        provider as discount_provider, model as discount_model, tenant_id as discount_tenant
    from {{ ref('int_discounts__resolved') }}

),

estimates as (

    select
        cost_per_request, currency, valid_from, valid_to,
        provider as estimate_provider, model as estimate_model
    from {{ ref('int_estimates__versions') }}

),

-- What a unit of the price's currency was worth on the day of the call, and the discount agreed for it.
converted as (

    select
        met.*,
        case when met.price_currency = 'USD' then 1 else fx.usd_per_unit end as usd_per_unit,
        case when met.baseline_currency = 'USD' then 1 else baseline_fx.usd_per_unit end as baseline_usd_per_unit,
        discounts.discount_id,
        coalesce(discounts.factor, 1) as discount_factor,
        estimates.cost_per_request,
        case when estimates.currency = 'USD' then 1 else estimate_fx.usd_per_unit end as estimate_usd_per_unit
    from met
    left join fx
        on met.price_currency = fx.currency
        and met.price_day >= fx.valid_from
        and met.price_day < fx.valid_to
    left join fx as baseline_fx
        on met.baseline_currency = baseline_fx.currency
        and met.price_day >= baseline_fx.valid_from
        and met.price_day < baseline_fx.valid_to
    left join discounts
        on met.price_provider = discounts.discount_provider
        and met.price_model = discounts.discount_model
        and coalesce(met.tenant_id, '') = discounts.discount_tenant
        and met.occurred_at >= discounts.valid_from
        and met.occurred_at < discounts.valid_to
    left join estimates
        on met.price_provider = estimates.estimate_provider
        and met.price_model = estimates.estimate_model
        and met.occurred_at >= estimates.valid_from
        and met.occurred_at < estimates.valid_to
    left join fx as estimate_fx
        on estimates.currency = estimate_fx.currency
        and met.price_day >= estimate_fx.valid_from
        and met.price_day < estimate_fx.valid_to

),

judged as (

    select
        converted.*,
        case when converted.grain is distinct from 'count' then met_price_id end as price_id,
        case
            when converted.grain = 'count' then 'count_only'
            when not converted.is_billed then 'not_billed'
            when least(
                {% for component in token_components() -%}
                {{ component }}_leaf{% if not loop.last %}, {% endif %}
                {%- endfor %}
            ) < 0 then 'invalid_usage'
            when converted.prompt_tokens is null and converted.completion_tokens is null
                {% for count, fee in unit_components() -%}
                and {{ count }} is null
                {% endfor %}
                -- A call that failed before it was counted may have cost nothing: no estimate for it.
                then case
                    when estimate_usd_per_unit is not null and not {{ is_failure('converted.status') }}
                        then 'estimate_per_request'
                    else 'unpriced'
                end
            when usd_per_unit is not null and is_fully_priced
                then case when is_free_price then 'free' else 'tokens' end
            else 'unpriced'
        end as cost_basis
    from converted

),

listed as (

    select
        *,
        cost_basis in ('tokens', 'free') as is_priced,
        {% for part in ['prompt_tokens', 'completion_tokens', 'units'] -%}
        {{ money_times(part ~ '_price', 'usd_per_unit') }} as {{ part }}_list_usd,
        {% endfor -%}
        {{ money_times('rerouted_price', 'baseline_usd_per_unit') }} as rerouted_usd,
        case
            when cost_basis = 'estimate_per_request'
                then {{ money_times('cost_per_request', 'estimate_usd_per_unit') }}
        end as estimated_cost_usd
    from judged

),

costed as (

    select
        *,
        {% for part, column in [('prompt_tokens', 'prompt'), ('completion_tokens', 'completion'), ('units', 'unit')] -%}
        cast(case
            when is_priced then {{ money_times(part ~ '_list_usd', 'discount_factor') }}
            when cost_basis = 'not_billed' then 0
        end as {{ money_type() }}) as {{ column }}_cost_usd,
        {% endfor -%}
        cast(case
            when is_priced then prompt_tokens_list_usd + completion_tokens_list_usd + units_list_usd
            when cost_basis = 'not_billed' then 0
            else estimated_cost_usd
        end as {{ money_type() }}) as list_cost_usd
    from listed

)

select
    *,
    cast(
        coalesce(estimated_cost_usd, prompt_cost_usd + completion_cost_usd + unit_cost_usd) as {{ money_type() }}
    ) as cost_usd,
    -- Another model is compared at its list price, what served with what it cost.
    case
        when cost_basis = 'not_billed' then cast(0 as {{ money_type() }})
        when estimated_cost_usd is not null and is_as_served then cast(estimated_cost_usd as {{ money_type() }})
        when not is_priced then null
        when is_as_served then cast(prompt_cost_usd + completion_cost_usd + unit_cost_usd as {{ money_type() }})
        else cast(rerouted_usd as {{ money_type() }})
    end as baseline_cost_usd
from costed
