{#
  The formula of the price book (pricing/README.md): inclusive totals are cut into disjoint leaves, each leaf is
  multiplied by its own rate, nothing is billed twice.
#}
{% macro token_components() -%}
    {{ return([
        'input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'input_audio', 'cache_read_audio', 'input_image',
        'output', 'output_reasoning', 'output_audio', 'output_image',
    ]) }}
{%- endmacro %}

{% macro prompt_components() -%}
    {{ return(['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'input_audio', 'cache_read_audio', 'input_image']) }}
{%- endmacro %}

{#- [unit count of the event, fee of the book] -#}
{% macro unit_components() -%}
    {{ return([
        ['requests', 'request'], ['web_searches', 'web_search'], ['grounded_prompts', 'grounded_prompt'],
        ['rerank_searches', 'rerank_search'], ['input_audio_seconds', 'input_audio_second'],
        ['input_characters', 'input_character'], ['input_pages', 'input_page'],
    ]) }}
{%- endmacro %}

{#- Services beside the tokens that are never part of a token price: using one without a listed fee is unpriced. The
    other units (characters, pages, seconds) measure the same input that tokens may already have billed. -#}
{% macro services() -%}
    {{ return(['web_searches', 'grounded_prompts', 'rerank_searches']) }}
{%- endmacro %}

{#- The select list that turns reported totals and subsets into `<component>_leaf` counts. A leaf below 0 is invalid. -#}
{% macro token_leaves() -%}
    coalesce(prompt_tokens, 0)
        - coalesce(cache_read_tokens, 0) - coalesce(cache_write_5m_tokens, 0) - coalesce(cache_write_1h_tokens, 0)
        - (coalesce(input_audio_tokens, 0) - coalesce(cache_read_audio_tokens, 0))
        - coalesce(input_image_tokens, 0) as input_leaf,
    coalesce(cache_read_tokens, 0) - coalesce(cache_read_audio_tokens, 0) as cache_read_leaf,
    coalesce(cache_write_5m_tokens, 0) as cache_write_5m_leaf,
    coalesce(cache_write_1h_tokens, 0) as cache_write_1h_leaf,
    coalesce(input_audio_tokens, 0) - coalesce(cache_read_audio_tokens, 0) as input_audio_leaf,
    coalesce(cache_read_audio_tokens, 0) as cache_read_audio_leaf,
    coalesce(input_image_tokens, 0) as input_image_leaf,
    coalesce(completion_tokens, 0)
        - coalesce(reasoning_tokens, 0) - coalesce(output_audio_tokens, 0) - coalesce(output_image_tokens, 0)
        as output_leaf,
    coalesce(reasoning_tokens, 0) as output_reasoning_leaf,
    coalesce(output_audio_tokens, 0) as output_audio_leaf,
    coalesce(output_image_tokens, 0) as output_image_leaf
{%- endmacro %}

{#- Is every leaf that has tokens and every service that was used priced by the row aliased `p`? -#}
{% macro fully_priced(p) -%}
    (
        {{ p }}.price_id is not null
        {%- for component in token_components() %}
        and ({{ component }}_leaf = 0 or {{ p }}.{{ component }}_rate is not null)
        {%- endfor %}
        {%- for count, fee in unit_components() if count in services() %}
        and (coalesce({{ count }}, 0) = 0 or {{ p }}.is_free or {{ p }}.{{ fee }}_fee is not null)
        {%- endfor %}
        -- An attempt measured in units alone needs a fee for one of them.
        and (
            coalesce(prompt_tokens, 0) + coalesce(completion_tokens, 0) > 0
            or {{ p }}.is_free
            or (
                {%- for count, fee in unit_components() %}
                coalesce({{ count }}, 0) = 0{% if not loop.last %} and{% endif %}
                {%- endfor %}
            )
            {%- for count, fee in unit_components() %}
            or coalesce({{ count }}, 0) > 0 and {{ p }}.{{ fee }}_fee is not null
            {%- endfor %}
        )
    )
{%- endmacro %}

{#- USD of the given components at the price row aliased `p`. -#}
{% macro tokens_cost(components, p) -%}
    (
        {%- for component in components %}
        {{ token_cost(component ~ '_leaf', 'coalesce(' ~ p ~ '.' ~ component ~ '_rate, 0)') }}
        {%- if not loop.last %} + {% endif -%}
        {%- endfor %}
    )
{%- endmacro %}

{#- USD of the fees by the piece (searches, seconds, pages) at the price row aliased `p`; no fee in the book = none charged. -#}
{% macro units_fees(p) -%}
    (
        {%- for count, fee in unit_components() %}
        case
            when coalesce({{ count }}, 0) > 0 and {{ p }}.{{ fee }}_fee is not null
                then {{ units_cost(
                    'greatest(' ~ count ~ ', coalesce(' ~ p ~ '.' ~ fee ~ '_minimum_units, 0))',
                    9 if count == 'input_audio_seconds' else 0,
                    p ~ '.' ~ fee ~ '_fee', p ~ '.' ~ fee ~ '_per') }}
            else 0
        end
        {%- if not loop.last %} + {% endif -%}
        {%- endfor %}
    )
{%- endmacro %}

{#- The parent rule: a rate that the vendor does not list is billed as its parent. input and output have none. -#}
{% macro resolved_rates() -%}
    input_rate,
    output_rate,
    coalesce(cache_read_rate, input_rate) as cache_read_rate,
    coalesce(cache_write_5m_rate, input_rate) as cache_write_5m_rate,
    coalesce(cache_write_1h_rate, cache_write_5m_rate, input_rate) as cache_write_1h_rate,
    coalesce(input_audio_rate, input_rate) as input_audio_rate,
    coalesce(cache_read_audio_rate, cache_read_rate, input_rate) as cache_read_audio_rate,
    coalesce(input_image_rate, input_rate) as input_image_rate,
    coalesce(output_reasoning_rate, output_rate) as output_reasoning_rate,
    coalesce(output_audio_rate, output_rate) as output_audio_rate,
    coalesce(output_image_rate, output_rate) as output_image_rate
{%- endmacro %}

{#- Is the windowed price row aliased `w` open at the instant? Weekdays and dates are those of the window's own zone. -#}
{% macro window_is_open(instant, w) -%}
    (
        {{ window_minute(instant, w ~ '.window_timezone') }} >= {{ w }}.window_start_minute
        and {{ window_minute(instant, w ~ '.window_timezone') }} < {{ w }}.window_end_minute
        and ({{ w }}.window_weekdays is null
            or {{ listed(window_weekday(instant, w ~ '.window_timezone'), w ~ '.window_weekdays') }})
        and ({{ w }}.window_exclude_dates is null
            or not {{ listed(window_date(instant, w ~ '.window_timezone'), w ~ '.window_exclude_dates') }})
    )
{%- endmacro %}

{#- The price row in force for the attempt: same day and key, half-open interval, band by TOTAL input of the request. -#}
{% macro in_force(p, provider, model, region, tier, instant='a.occurred_at') -%}
    {{ p }}.price_on = a.price_day
    and {{ p }}.price_of_provider = {{ provider }}
    and {{ p }}.price_of_model = {{ model }}
    and {{ p }}.price_of_region = {{ region }}
    and {{ p }}.price_of_tier = {{ tier }}
    and {{ instant }} >= {{ p }}.valid_from
    and {{ instant }} < {{ p }}.valid_to
    and coalesce(a.prompt_tokens, 0) >= {{ p }}.min_context_tokens
    and coalesce(a.prompt_tokens, 0) < {{ p }}.max_context_tokens
{%- endmacro %}
