-- depends_on: {{ source('landing', 'invoices') }}
select
    invoice_line_id, provider, day, model, description, account_id, currency, amount, path, line_no
from {{ landed_reference('invoices') }}
