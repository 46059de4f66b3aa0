-- One row per model that served, with what its traffic would have cost at the baseline model's price. The amounts are
-- NULL where not one attempt could be compared: that is not known, and not nothing.
select
    provider,
    model,
    is_paid,
    sum(requests) as requests,
    sum(attempts) as attempts,
    sum(unpriced_attempts) as unpriced_attempts,
    case when sum(unpriced_attempts) < sum(attempts) then sum(actual_cost_usd) end as actual_cost_usd,
    case when sum(unpriced_attempts) < sum(attempts) then sum(baseline_cost_usd) end as baseline_cost_usd,
    case when sum(unpriced_attempts) < sum(attempts) then sum(saved_usd) end as saved_usd,
    string_agg(distinct baseline_model, ', ' order by baseline_model) as baseline_models
from marts.routing_savings_daily
group by provider, model, is_paid
order by saved_usd desc nulls last, actual_cost_usd desc nulls last, provider, model
