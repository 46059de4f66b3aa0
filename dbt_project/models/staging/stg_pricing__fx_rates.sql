-- depends_on: {{ source('landing', 'price_book') }}
select currency, valid_from, valid_to, usd_per_unit, row_hash
from {{ landed_reference('fx_rates') }}
