select
    provider,
    day,
    model,
    currency,
    cast(sum(amount) as {{ money_type() }}) as amount
from {{ ref('stg_invoices__lines') }}
group by provider, day, model, currency
