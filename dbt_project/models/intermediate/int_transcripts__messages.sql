-- depends_on: {{ ref('int_calls__touched') }}
with lines as (

    select * from {{ ref('stg_claude_code__lines') }}
    where request_id in (select request_id from {{ ref('int_calls__touched') }})

),

-- The totals of a message grow while it streams: the line with the most tokens counts, whole, for a fallback may change
-- the model on the way. A sub-agent's transcript repeats messages of its parent with more context than was billed.
ranked as (

    select
        *,
        row_number() over (
            partition by request_id
            order by
                case when tags like '%"sidechain":"true"%' then 1 else 0 end,
                coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) desc,
                case when tags like '%"speed":%' then 0 else 1 end,
                occurred_at,
                event_id
        ) as place
    from lines

)

select {{ all_but(['place']) }}
from ranked
where place = 1
