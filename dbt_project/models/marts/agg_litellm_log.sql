with counted as (

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
    where {{ is_open('occurred_at') }}
    group by all
    {%- if retention() %}

    {{ and_by_name() }}

    {{ closed_rows() }}
    {%- endif %}

)

select
    path,
    observation,
    day,
    provider,
    model,
    model_requested,
    status,
    error_code,
    http_method,
    http_path,
    http_status,
    cast(sum(observations) as bigint) as observations
from counted
group by all
