-- depends_on: {{ source('landing', 'events') }}
select event_id, path, line_no, body, source, byte_offset, body_sha256, file_id
from {{ landing('conflicts', shape='conflicts') }}
