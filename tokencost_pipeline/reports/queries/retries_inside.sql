-- Retries without a row of their own: their source logs one row per request and tells how many retries it took.
select
    coalesce(sum(retries) filter (where not (grain = 'attempt' and attempt > 1)), 0) as retries
from marts.fct_attempts
