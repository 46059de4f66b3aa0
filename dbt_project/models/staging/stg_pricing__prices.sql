-- depends_on: {{ source('landing', 'price_book') }}
select {{ all_but(['max_context_tokens']) }}, coalesce(max_context_tokens, 9223372036854775807) as max_context_tokens
from {{ landed_reference('prices') }}
where {{ known_to_the_run('recorded_at') }}
