-- How many requests have attempts without a cost. The counts of several files may be added up.
select count(*) filter (where unpriced_attempts > 0) as requests
from {source}
