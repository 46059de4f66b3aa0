-- One row per provider, model and reason without a cost: what to add to the price book first.
select
    provider,
    model,
    cost_basis,
    why,
    sum(attempts) as attempts,
    sum(tokens) as tokens,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from summary.calls
where why is not null
group by provider, model, cost_basis, why
order by attempts desc, tokens desc, provider, model, cost_basis, why
