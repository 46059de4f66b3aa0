-- depends_on: {{ ref('int_hours__touched') }}
{% for source in attempt_sources() -%}
select * from {{ ref(source.kept or source.model) }}
where {% if source.by_call -%}
    request_id in (select request_id from {{ ref('int_calls__touched') }})
{%- else -%}
    {{ in_touched_range('occurred_at') }}
{%- endif %}
{{ and_by_name() }}
{% endfor -%}
select * from {{ ref('stg_litellm_log__new_counts') }}
