with attempts as (

    select
        deduped.*,
        coalesce(deduped.provider, '') as price_provider,
        coalesce(deduped.model, '') as price_model,
        {{ canonical_region('deduped.region') }} as price_region,
        {{ canonical_tier('deduped.service_tier') }} as price_tier,
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

always as (

    select * from prices where not is_windowed

),

windowed as (

    select * from prices where is_windowed

),

-- Which price row was in force: while a window is open its row beats the plain one.
located as (

    select
        a.*,
        coalesce(served_window.price_row, served.price_row) as price_row,
        coalesce(baseline_window.price_row, baseline.price_row) as baseline_price_row
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

judged as (

    select
        located.*,
        price.price_id,
        case
            when located.grain = 'count' then 'count_only'
            when not located.is_billed then 'not_billed'
            when least(
                {% for component in token_components() -%}
                {{ component }}_leaf{% if not loop.last %}, {% endif %}
                {%- endfor %}
            ) < 0 then 'invalid_usage'
            when located.prompt_tokens is null and located.completion_tokens is null
                {% for count, fee in unit_components() -%}
                and {{ count }} is null
                {% endfor %}
                then 'unpriced'
            when {{ fully_priced('price') }} then case when price.is_free then 'free' else 'tokens' end
            else 'unpriced'
        end as cost_basis,
        {{ tokens_cost(prompt_components(), 'price') }} as prompt_tokens_usd,
        {{ tokens_cost(['output', 'output_reasoning', 'output_audio', 'output_image'], 'price') }} as completion_tokens_usd,
        {{ units_fees('price') }} as units_usd,
        case
            when {{ fully_priced('baseline') }}
                then {{ tokens_cost(token_components(), 'baseline') }} + {{ units_fees('baseline') }}
        end as rerouted_usd
    from located
    left join prices as price on located.price_row = price.price_row
    left join prices as baseline on located.baseline_price_row = baseline.price_row

),

costed as (

    select
        *,
        case
            when cost_basis in ('tokens', 'free') then cast(prompt_tokens_usd as {{ money_type() }})
            when cost_basis = 'not_billed' then cast(0 as {{ money_type() }})
        end as prompt_cost_usd,
        case
            when cost_basis in ('tokens', 'free') then cast(completion_tokens_usd as {{ money_type() }})
            when cost_basis = 'not_billed' then cast(0 as {{ money_type() }})
        end as completion_cost_usd,
        case
            when cost_basis in ('tokens', 'free') then cast(units_usd as {{ money_type() }})
            when cost_basis = 'not_billed' then cast(0 as {{ money_type() }})
        end as unit_cost_usd
    from judged

)

select
    *,
    cast(prompt_cost_usd + completion_cost_usd + unit_cost_usd as {{ money_type() }}) as cost_usd,
    case
        when cost_basis = 'not_billed' then cast(0 as {{ money_type() }})
        when cost_basis not in ('tokens', 'free') then null
        when is_as_served then cast(prompt_cost_usd + completion_cost_usd + unit_cost_usd as {{ money_type() }})
        else cast(rerouted_usd as {{ money_type() }})
    end as baseline_cost_usd
from costed
