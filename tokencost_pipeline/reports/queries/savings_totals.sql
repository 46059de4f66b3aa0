-- All savings in one row. For unpriced_attempts no saving is counted: they or their baseline have no price.
select
    coalesce(sum(saved_usd), 0) as saved_usd,
    coalesce(sum(attempts), 0) as attempts,
    coalesce(sum(unpriced_attempts), 0) as unpriced_attempts,
    coalesce(sum(requests) filter (where is_paid), 0) as paid_requests,
    coalesce(sum(requests) filter (where not is_paid), 0) as local_requests
from marts.routing_savings_daily
