-- depends_on: {{ source('landing', 'alert_rules') }}
select rule, dimension, min_usd, ratio, severe_ratio, baseline_days, min_history_days, late_arrival_minutes
from {{ landed_reference('alert_rules') }}
