-- depends_on: {{ ref('int_hours__touched') }}
with unified as (

    select * from {{ ref('stg_events__attempts') }}
    union all by name
    select * from {{ ref('stg_litellm_payload__attempts') }}
    union all by name
    select * from {{ ref('stg_litellm_spend_logs__requests') }}

)

select * from unified
where {{ in_working_set('occurred_at') }}
