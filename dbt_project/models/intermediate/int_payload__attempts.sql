-- depends_on: {{ ref('int_calls__touched') }}
with attempts as (

    select * from {{ ref('stg_litellm_payload__attempts') }}
    where request_id in (select request_id from {{ ref('int_calls__touched') }})

),

-- LiteLLM 1.80 logs some attempts twice, around and within its bridges between APIs. A retry begins when the try before
-- it has ended, so what begins while another row of the same call, model and outcome runs is the same attempt; the row
-- within has the details. A millisecond is left for the rounding of latency_ms.
followed as (

    select
        *,
        lead({{ optional('occurred_at') }}) over (
            partition by request_id, model, {{ is_failure('status') }}
            order by occurred_at, event_id
        ) as next_began_at
    from attempts

)

select {{ all_but(['next_began_at']) }}
from followed
where next_began_at is null
    or latency_ms is null
    or next_began_at >= {{ plus_milliseconds('occurred_at', 'latency_ms - 1') }}
