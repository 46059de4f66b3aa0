select
    path,
    observation,
    {{ local_day('occurred_at') }} as day,
    provider,
    model,
    model_requested,
    status,
    error_code,
    http_method,
    http_path,
    http_status,
    count(*) as observations
from {{ ref('stg_litellm_log__counts') }}
group by all
