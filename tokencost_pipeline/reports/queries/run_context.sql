-- The run the exports come from: the instant called now, the zone days are cut in, whether this is the sample.
select as_of, is_sample, timezone
from ingest.run_context
