-- One row per provider, model and reason without a cost: what to add to the price book first.
with reasons as (
    select
        *,
        case
            when cost_basis <> 'unpriced' then replace(cost_basis, '_', ' ')
            when price_id is null then 'no price'
            when prompt_tokens is null and completion_tokens is null then 'no tokens reported'
            else 'a rate is missing'
        end as why
    from marts.fct_attempts
    where cost_usd is null and grain is distinct from 'count'
)

select
    provider,
    model,
    cost_basis,
    why,
    count(*) as attempts,
    coalesce(sum(total_tokens), 0) as tokens,
    min(occurred_at) as first_seen,
    max(occurred_at) as last_seen
from reasons
group by provider, model, cost_basis, why
order by attempts desc, tokens desc, provider, model, cost_basis, why
