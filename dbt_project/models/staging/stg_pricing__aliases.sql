-- depends_on: {{ source('landing', 'price_book') }}
select provider, alias, match, model, effective_from, recorded_at, status, row_hash
from {{ landed_reference('price_aliases') }}
where {{ known_to_the_run('recorded_at') }}
