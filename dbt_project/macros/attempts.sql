{#
  Every source of attempts; a new format adds its line here. `by_call`: attempts are numbered among, and merged with,
  the others of their call, so that recomputing one needs them all. `kept`: the model that keeps some of a call's rows,
  where a source tells one attempt in several.

  A call that several sources saw (same call_id) is told by the lowest `source_rank` that was billed:

  | rank | source | what it knows of a call |
  |---|---|---|
  | 1 | events | whatever the gateway states: all token classes, attempts, names |
  | 2 | litellm_payload | attempts, all token classes with cache writes by lifetime, tags |
  | 3 | litellm_spend_logs | the request with its retries as one row; cache writes by lifetime, so its money is exact |
  | 4 | otlp | attempts; cache writes without their lifetime, which makes those of an hour too cheap; no tags |
  | 5 | claude_code | tokens of a message; its id is nobody else's call_id, so it never merges |

  What was merged stands in `merged_sources` of the marts.
#}
{% macro attempt_sources() -%}
    {{ return([
        {'table': 'events', 'model': 'stg_events__attempts', 'by_call': false},
        {'table': 'litellm_payload', 'model': 'stg_litellm_payload__attempts', 'by_call': true, 'kept': 'int_payload__attempts'},
        {'table': 'litellm_spend_logs', 'model': 'stg_litellm_spend_logs__requests', 'by_call': true},
        {'table': 'otlp', 'model': 'stg_otlp__spans', 'by_call': true},
        {'table': 'claude_code', 'model': 'stg_claude_code__lines', 'by_call': true, 'kept': 'int_transcripts__messages'},
    ]) }}
{%- endmacro %}

{#- The columns of a landed attempt, in the order of the contract. Every staging model of attempts selects these. -#}
{% macro landed_attempt_columns() -%}
    event_id, source, grain, occurred_at, call_id,
    tenant_id, user_id, feature, session_id, request_id, attempt, retry_count,
    provider, model, model_requested, region, service_tier, status, error_code, latency_ms, cache_hit,
    prompt_template_id,
    prompt_tokens, completion_tokens, total_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
    input_audio_tokens, output_audio_tokens, cache_read_audio_tokens, input_image_tokens, output_image_tokens,
    requests, web_searches, grounded_prompts, rerank_searches, input_audio_seconds, input_characters, input_pages,
    reported_cost_usd, tags, provider_request_id, path, line_no
{%- endmacro %}

{#- is_failure(status): did the call fail? A client that hangs up (499) is a success: the provider did the work. -#}
{% macro is_failure(status) -%}
    (
        {{ status }} is not null
        and lower({{ status }}) not in ('success', 'succeeded', 'ok', 'completed', 'complete', '200', '201', '499')
    )
{%- endmacro %}

{#- was_billed(): did anybody bill the landed call? Not a gateway's cached answer, nor a failure without output and spend. -#}
{% macro was_billed() -%}
    not (
        coalesce(cache_hit, false)
        or (
            {{ is_failure('status') }}
            and coalesce(completion_tokens, 0) = 0 and coalesce(reported_cost_usd, 0) = 0
        )
    )
{%- endmacro %}

{#- canonical_tier(tier): the price book's name of the service tier that served. -#}
{% macro canonical_tier(tier) -%}
    case
        when {{ tier }} is null or lower({{ tier }}) in ('', 'default', 'auto', 'on_demand', 'standard_only') then 'standard'
        else lower({{ tier }})
    end
{%- endmacro %}

{#- canonical_region(region): the price book's name of the region; 'default' = no geographic uplift. -#}
{% macro canonical_region(region) -%}
    coalesce(nullif(lower({{ region }}), ''), 'default')
{%- endmacro %}
