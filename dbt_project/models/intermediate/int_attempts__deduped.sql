{#-
  Few calls are told by two sources, and few attempts have no number: both are found on narrow rows of their own, so that
  the wide ones are read once and pass by. Kept in memory, they are the widest thing a build holds.
-#}
with unified as {{ inlined() }} (

    select * from {{ ref('int_attempts__unified') }}

),

-- A call that several sources saw is told by the one that knows most about it: the lowest rank that was billed. No
-- column has the name of one of the attempts: where several relations are joined not every engine lets a name be used
-- twice.
calls_seen_twice as (

    select
        call_id as seen_call_id,
        -- A stream that broke is $0 in one source and billed in another: who saw the bill tells the call.
        coalesce(min(source_rank) filter (where is_billed), min(source_rank)) as best_rank,
        {{ distinct_list('source') }} as merged_sources
    from unified
    where call_id is not null
    group by call_id
    having count(distinct source_rank) > 1

),

-- LiteLLM's payload has no attempt number. Clocks don't order it (a retried stream starts before the failure it
-- retried), but an answer ends the tries: failures first, then the success.
numbered as (

    select
        unified.event_id as numbered_event_id,
        unified.source as numbered_source,
        row_number() over (
            partition by unified.source, unified.request_id
            order by case when {{ is_failure('unified.status') }} then 0 else 1 end, unified.occurred_at, unified.event_id
        ) as attempt_by_order
    from unified
    left join calls_seen_twice on unified.call_id = calls_seen_twice.seen_call_id
    where unified.attempt is null
        and unified.grain = 'attempt'
        and (calls_seen_twice.seen_call_id is null or unified.source_rank = calls_seen_twice.best_rank)

)

select
    {{ all_but(['attempt'], of='unified') }},
    calls_seen_twice.merged_sources,
    case
        when unified.attempt is not null then unified.attempt
        when unified.grain = 'request' then 1 + coalesce(unified.retry_count, 0)
        else numbered.attempt_by_order
    end as attempt
from unified
left join calls_seen_twice on unified.call_id = calls_seen_twice.seen_call_id
left join numbered on unified.source = numbered.numbered_source and unified.event_id = numbered.numbered_event_id
where calls_seen_twice.seen_call_id is null or unified.source_rank = calls_seen_twice.best_rank
