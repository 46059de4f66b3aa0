-- What the sums of cost leave out: attempts without a price, their tokens, and the requests they belong to.
select
    coalesce(sum(unpriced_attempts), 0) as attempts,
    coalesce(sum(unpriced_tokens), 0) as tokens,
    coalesce(sum(unpriced_attempts) filter (where day > cast($today as date) - 7 and day <= $today), 0) as attempts_7d,
    coalesce(sum(unpriced_tokens) filter (where day > cast($today as date) - 7 and day <= $today), 0) as tokens_7d,
    (select count(*) from marts.fct_requests where unpriced_attempts > 0) as requests
from marts.agg_daily
