-- depends_on: {{ source('landing', 'price_book') }}
select discount_id, provider, model, tenant_id, effective_from, effective_to, factor, row_hash
from {{ landed_reference('discounts') }}
