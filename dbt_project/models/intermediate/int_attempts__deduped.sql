-- Told to the engine as text to inline: kept in memory, these rows are the widest thing a build holds.
with unified as {{ inlined() }} (

    select * from {{ ref('int_attempts__unified') }}

),

-- A call that several sources saw is told by the one that knows most about it: the lowest rank that was billed.
calls_seen_twice as (

    select
        call_id,
        -- A stream that broke is $0 in one source and billed in another: who saw the bill tells the call.
        coalesce(min(source_rank) filter (where is_billed), min(source_rank)) as best_rank,
        {{ distinct_list('source') }} as merged_sources
    from unified
    where call_id is not null
    group by call_id
    having count(distinct source_rank) > 1

),

kept as {{ inlined() }} (

    select
        unified.*,
        calls_seen_twice.merged_sources
    from unified
    left join calls_seen_twice on unified.call_id = calls_seen_twice.call_id
    where calls_seen_twice.call_id is null or unified.source_rank = calls_seen_twice.best_rank

),

-- LiteLLM's payload has no attempt number. Clocks don't order it (a retried stream starts before the failure it
-- retried), but an answer ends the tries: failures first, then the success.
numbered as (

    select
        event_id,
        source,
        row_number() over (
            partition by source, request_id
            order by case when {{ is_failure('status') }} then 0 else 1 end, occurred_at, event_id
        ) as attempt_by_order
    from kept
    where attempt is null and grain = 'attempt'

)

select
    {{ all_but(['attempt'], of='kept') }},
    case
        when kept.attempt is not null then kept.attempt
        when kept.grain = 'request' then 1 + coalesce(kept.retry_count, 0)
        else numbered.attempt_by_order
    end as attempt
from kept
left join numbered on kept.source = numbered.source and kept.event_id = numbered.event_id
