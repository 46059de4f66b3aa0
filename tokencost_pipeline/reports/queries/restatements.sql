-- One row per change of a published cost by day, tenant, provider, model and reason; the newest change first.
select
    restated_at,
    day,
    tenant_id,
    provider,
    model,
    attempts,
    before_usd,
    after_usd,
    difference_usd,
    unpriced_before,
    unpriced_after,
    why
from marts.restatements
order by restated_at desc, day desc, abs(difference_usd) desc, provider, model, tenant_id nulls first, why
