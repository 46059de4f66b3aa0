-- depends_on: {{ source('landing', 'price_book') }}
select provider
from {{ landed_reference('local_providers') }}
