-- depends_on: {{ source('landing', 'events') }}
-- depends_on: {{ source('landing', 'invoices') }}
with refused as (

    select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
    from {{ landing('quarantine', shape='quarantine') }}

    -- Row for row: several records of one line may have been refused for the same reason.
    except all

    select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
    from {{ landing('quarantine_replayed', shape='quarantine_replayed') }}

)

select * from refused

union all

select path, line_no, byte_offset, reason, body_sha256, body, source, file_id
from {{ landed_reference('invoice_refusals') }}
