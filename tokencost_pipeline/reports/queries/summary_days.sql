-- One row per day with traffic. The rows of several files may be put together, for a day is in one of them.
select
    day,
    sum(attempts)::bigint as attempts,
    sum(unpriced_attempts)::bigint as unpriced_attempts
from {source}
group by day
