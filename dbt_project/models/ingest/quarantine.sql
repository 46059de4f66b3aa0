-- depends_on: {{ source('landing', 'events') }}
-- depends_on: {{ source('landing', 'invoices') }}
select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
from {{ landing('quarantine', shape='quarantine') }}

union all

select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
from {{ landed_reference('invoice_refusals') }}
