-- The first and the last hour there is. The rows of several files may be put together.
select min(hour) as first_hour, max(hour) as last_hour
from {source}
