select
    price_id,
    provider,
    model,
    region,
    service_tier,
    currency,
    min_context_tokens,
    nullif(max_context_tokens, 9223372036854775807) as max_context_tokens,
    valid_from as effective_from,
    valid_to as effective_to,
    recorded_at,
    nullif(window_key, '') as price_window,
    {% for component in token_components() -%}
    {{ component }}_rate,
    {% endfor -%}
    {% for count, fee in unit_components() -%}
    {{ fee }}_fee,
    {{ fee }}_per,
    {{ fee }}_minimum_units,
    {% endfor -%}
    source
from {{ ref('int_prices__versions') }}
