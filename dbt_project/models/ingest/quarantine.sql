-- depends_on: {{ source('landing', 'events') }}
select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
from {{ landing('quarantine', shape='quarantine') }}
