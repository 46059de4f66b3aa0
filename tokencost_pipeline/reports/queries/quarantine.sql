-- Refused lines, by file and line. The body stays out: it may hold what somebody wrote.
select path, line_no, byte_offset, reason, body_sha256
from ingest.quarantine
order by path, line_no, byte_offset, reason
limit $rows
