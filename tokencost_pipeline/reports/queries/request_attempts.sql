-- The attempts of the given requests, in the order they were made, out of the files of the days they lasted. A list is looked through while the file is read; a
-- join would read every column of every attempt first.
select
    request_id,
    attempt,
    event_id,
    occurred_at,
    source,
    path,
    line_no,
    provider,
    model,
    model_requested,
    region,
    service_tier,
    status,
    error_code,
    retries,
    cache_hit,
    latency_ms,
    prompt_template_id,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    reasoning_tokens,
    price_id,
    cost_basis,
    cost_usd,
    prompt_cost_usd,
    completion_cost_usd,
    reported_cost_usd
from chosen.fct_attempts
where list_contains(cast($request_ids as varchar[]), request_id)
order by request_id, attempt, occurred_at, event_id
