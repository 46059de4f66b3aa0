-- One row per provider, model and reason without a cost: what to add to the price book first.
select
    provider,
    model,
    cost_basis,
    count(*) as attempts,
    coalesce(sum(total_tokens), 0) as tokens,
    min(occurred_at) as first_seen,
    max(occurred_at) as last_seen
from marts.fct_attempts
where cost_usd is null
group by provider, model, cost_basis
order by attempts desc, tokens desc, provider, model, cost_basis
