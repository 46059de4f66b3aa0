-- depends_on: {{ source('landing', 'price_book') }}
select rule_no, model_requested, feature, baseline_provider, baseline_model
from {{ landed_reference('routing_baselines') }}
