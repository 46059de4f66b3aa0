-- One row per field that records carry and their format does not have; the most frequent first.
select source, field, records
from ingest.unknown_fields
order by records desc, source, field
