-- Retries without a row of their own: their source logs one row per request and tells how many retries it took.
select coalesce(sum(retries_inside), 0) as retries
from summary.calls
