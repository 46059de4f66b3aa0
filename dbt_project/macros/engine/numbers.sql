{#
  Exact arithmetic. `/` gives binary floating point in DuckDB, so nothing here divides:
  rates are per 1,000,000 tokens, and a multiplication by 0.000001 is exact in DECIMAL.
#}
{% macro money_type() -%} decimal(38, 15) {%- endmacro %}

{#- token_cost(tokens, rate): USD. BIGINT x DECIMAL(18,9) x DECIMAL(7,6) -> DECIMAL(38,15), no rounding. -#}
{% macro token_cost(tokens, rate) -%}
    {{ return(adapter.dispatch('token_cost', 'tokencost')(tokens, rate)) }}
{%- endmacro %}

{% macro duckdb__token_cost(tokens, rate) -%}
    (cast({{ tokens }} as bigint) * cast({{ rate }} as decimal(18, 9)) * 0.000001)
{%- endmacro %}

{#
  units_cost(units, decimals, fee, per): USD of `units` (with that many decimals) at `fee` per `per`, quantised once,
  half up, to 15 decimals.
  Counted in whole 1e-15 USD: `fee` is cut into its digits, and (2n + d) // 2d is n/d rounded half up.
#}
{% macro units_cost(units, decimals, fee, per) -%}
    {{ return(adapter.dispatch('units_cost', 'tokencost')(units, decimals, fee, per)) }}
{%- endmacro %}

{% macro duckdb__units_cost(units, decimals, fee, per) -%}
    {%- set digits = "cast(replace(cast(" ~ fee ~ " as varchar), '.', '') as hugeint)" -%}
    {%- set whole = "cast(cast(" ~ units ~ " as decimal(28, " ~ decimals ~ ")) * " ~ 10 ** decimals ~ " as hugeint)" -%}
    {%- set denominator = "(cast(" ~ per ~ " as hugeint) * " ~ 10 ** decimals ~ ")" -%}
    (
        cast((2 * {{ whole }} * {{ digits }} + {{ denominator }}) // (2 * {{ denominator }}) as decimal(38, 0))
        * cast(0.000000000000001 as decimal(15, 15))
    )
{%- endmacro %}

{#
  money_times(money, factor): money x DECIMAL(18,9), quantised once, half up, to 15 decimals. A factor of 1 leaves the
  digits alone.
#}
{% macro money_times(money, factor) -%}
    {{ return(adapter.dispatch('money_times', 'tokencost')(money, factor)) }}
{%- endmacro %}

{% macro duckdb__money_times(money, factor) -%}
    {%- set digits = "cast(replace(cast(cast(" ~ money ~ " as decimal(38, 15)) as varchar), '.', '') as hugeint)" -%}
    {%- set nines = "cast(replace(cast(cast(" ~ factor ~ " as decimal(18, 9)) as varchar), '.', '') as hugeint)" -%}
    case
        when {{ factor }} = 1 then cast({{ money }} as decimal(38, 15))
        else
            cast((2 * {{ digits }} * {{ nines }} + 1000000000) // 2000000000 as decimal(38, 0))
            * cast(0.000000000000001 as decimal(15, 15))
    end
{%- endmacro %}

{#- money_mean(total, n): total / n in whole 1e-15 USD, rounded down: a mean without floats. -#}
{% macro money_mean(total, n) -%}
    {{ return(adapter.dispatch('money_mean', 'tokencost')(total, n)) }}
{%- endmacro %}

{% macro duckdb__money_mean(total, n) -%}
    (
        cast(cast(replace(cast(cast({{ total }} as decimal(38, 15)) as varchar), '.', '') as hugeint) // {{ n }} as decimal(23, 0))
        * cast(0.000000000000001 as decimal(15, 15))
    )
{%- endmacro %}

{#- share(part, whole): part of whole with 6 decimals, rounded down; NULL when the whole is 0. Counts only. -#}
{% macro share(part, whole) -%}
    {{ return(adapter.dispatch('share', 'tokencost')(part, whole)) }}
{%- endmacro %}

{% macro duckdb__share(part, whole) -%}
    cast(cast((cast({{ part }} as hugeint) * 1000000) // nullif({{ whole }}, 0) as decimal(9, 0)) * 0.000001 as decimal(9, 6))
{%- endmacro %}

{#- money_ratio(a, b): a / b with 6 decimals, rounded down, NULL when b is 0 or the ratio is beyond a billion. -#}
{% macro money_ratio(a, b) -%}
    {{ return(adapter.dispatch('money_ratio', 'tokencost')(a, b)) }}
{%- endmacro %}

{% macro duckdb__money_ratio(a, b) -%}
    {%- set digits_a = "cast(replace(cast(cast(" ~ a ~ " as decimal(38, 15)) as varchar), '.', '') as hugeint)" -%}
    {%- set digits_b = "cast(replace(cast(cast(" ~ b ~ " as decimal(38, 15)) as varchar), '.', '') as hugeint)" -%}
    cast(try_cast(({{ digits_a }} * 1000000) // nullif({{ digits_b }}, 0) as decimal(15, 0)) * 0.000001 as decimal(18, 6))
{%- endmacro %}
