-- depends_on: {{ source('landing', 'price_book') }}
select provider, model, cost_per_request, currency, effective_from, recorded_at, method, row_hash
from {{ landed_reference('request_estimates') }}
where {{ known_to_the_run('recorded_at') }}
