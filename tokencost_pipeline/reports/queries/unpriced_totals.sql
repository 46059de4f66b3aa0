-- What the sums of cost leave out: attempts without a price, their tokens, and the requests they belong to.
with week as (
    select sum(unpriced_attempts) as attempts, sum(unpriced_tokens) as tokens
    from recent.agg_daily
    where day > cast($today as date) - 7 and day <= $today
)

select
    coalesce(sum(unpriced_attempts), 0) as attempts,
    coalesce(sum(unpriced_tokens), 0) as tokens,
    (select coalesce(attempts, 0) from week) as attempts_7d,
    (select coalesce(tokens, 0) from week) as tokens_7d,
    (select coalesce(sum(requests), 0) from summary.unpriced_requests) as requests
from marts.agg_all_time
