{#
  Exact arithmetic in whole 1e-15 USD: Int256 and Decimal256 in between, for the products of two amounts do not fit into
  38 digits. Casts to fewer decimals cut here, so nothing is left to them.
#}
{% macro clickhouse__token_cost(tokens, rate) -%}
    (toDecimal128({{ tokens }}, 0) * cast({{ rate }} as Decimal(18, 9)) * toDecimal128('0.000001', 6))
{%- endmacro %}

{% macro clickhouse_digits(value, decimals) -%}
    toInt256(toDecimal256({{ value }}, {{ decimals }}) * toDecimal256('1{{ '0' * decimals }}', 0))
{%- endmacro %}

{% macro clickhouse_money(digits) -%}
    cast(toDecimal256({{ digits }}, 0) * toDecimal256('0.000000000000001', 15) as Decimal(38, 15))
{%- endmacro %}

{% macro clickhouse__units_cost(units, decimals, fee, per) -%}
    {%- set denominator = "toInt256(" ~ per ~ ") * toInt256('1" ~ '0' * decimals ~ "')" -%}
    {{ clickhouse_money(
        'intDiv(2 * ' ~ clickhouse_digits(units, decimals) ~ ' * ' ~ clickhouse_digits(fee, 15) ~ ' + ' ~ denominator
        ~ ', 2 * ' ~ denominator ~ ')'
    ) }}
{%- endmacro %}

{% macro clickhouse__money_times(money, factor) -%}
    case
        when {{ factor }} = 1 then cast({{ money }} as Decimal(38, 15))
        else
            {{ clickhouse_money(
                'intDiv(2 * ' ~ clickhouse_digits(money, 15) ~ ' * ' ~ clickhouse_digits(factor, 9) ~ ' + 1000000000, 2000000000)'
            ) }}
    end
{%- endmacro %}

{% macro clickhouse__money_mean(total, n) -%}
    {{ clickhouse_money('intDiv(' ~ clickhouse_digits(total, 15) ~ ', toInt256(nullIf(' ~ n ~ ', 0)))') }}
{%- endmacro %}

{% macro clickhouse__share(part, whole) -%}
    cast(
        toDecimal256(intDiv(toInt256({{ part }}) * 1000000, toInt256(nullIf({{ whole }}, 0))), 0)
        * toDecimal256('0.000001', 6) as Decimal(9, 6)
    )
{%- endmacro %}

{% macro clickhouse__money_ratio(a, b) -%}
    {%- set ratio = 'intDiv(' ~ clickhouse_digits(a, 15) ~ ' * 1000000, nullIf(' ~ clickhouse_digits(b, 15) ~ ', 0))' -%}
    cast(
        toDecimal256(if(abs({{ ratio }}) < toInt256('1000000000000000'), {{ ratio }}, null), 0)
        * toDecimal256('0.000001', 6) as Decimal(18, 6)
    )
{%- endmacro %}
