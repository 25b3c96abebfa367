{#- Safe casts of text: what is not of the type becomes null, in the same cases on every engine.
    The patterns decide, not the engine's own parser: DuckDB reads '1_000' and 'infinity',
    Postgres reads '0x1F', neither knows the other's. -#}

{% macro number_pattern() -%} [+-]?[0-9]{1,28}([.][0-9]{1,60})? {%- endmacro %}

{#- Calendar dates that exist, from the year 1000, with leap years; days may lack their zero, as
    hand-made records of Genesys's do. -#}
{% macro date_pattern() -%}
    ([1-9][0-9]{3}-(((0?[13578]|1[02])-(0?[1-9]|[12][0-9]|3[01]))|((0?[469]|11)-(0?[1-9]|[12][0-9]|30))|(0?2-(0?[1-9]|1[0-9]|2[0-8])))|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-0?2-29)
{%- endmacro %}

{% macro timestamp_pattern() -%}
    {{ date_pattern() }}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?
{%- endmacro %}

{#- The same without the calendar, for an engine whose cast refuses dates that do not exist. -#}
{% macro timestamp_shape() -%}
    [1-9][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?
{%- endmacro %}

{% macro double_pattern() -%}
    [+-]?[0-9]{1,100}([.][0-9]{1,100})?([eE][+-]?[0-9]{1,2})?
{%- endmacro %}

{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches', 'genesys')(text, pattern)) }}
{%- endmacro %}


{% macro try_number(text) -%}
    case
        when {{ matches("trim(" ~ text ~ ")", number_pattern()) }}
            then cast(trim({{ text }}) as numeric(38, 9))
    end
{%- endmacro %}

{% macro try_boolean(text) -%}
    case
        when lower(trim({{ text }})) in ('true', 't', 'yes', 'y', '1') then true
        when lower(trim({{ text }})) in ('false', 'f', 'no', 'n', '0') then false
    end
{%- endmacro %}

{% macro try_date(text) -%}
    case
        when {{ matches("trim(" ~ text ~ ")", date_pattern()) }}
            then cast(trim({{ text }}) as date)
        when {{ matches("trim(" ~ text ~ ")", timestamp_pattern()) }}
            then cast({{ timestamp_from_text("trim(" ~ text ~ ")") }} as date)
    end
{%- endmacro %}

{% macro try_timestamp(text) -%}
    case
        when
            {{ matches("trim(" ~ text ~ ")", timestamp_pattern()) }}
            or {{ matches("trim(" ~ text ~ ")", date_pattern()) }}
            then {{ timestamp_from_text("trim(" ~ text ~ ")") }}
    end
{%- endmacro %}

{#- Below 10^15: times in milliseconds of which a thousand still add up to a bigint. -#}
{% macro try_bigint(text) -%}
    {{ return(adapter.dispatch('try_bigint', 'genesys')(text)) }}
{%- endmacro %}

{% macro try_double(text) -%}
    {{ return(adapter.dispatch('try_double', 'genesys')(text)) }}
{%- endmacro %}


{#- Seconds as text to whole milliseconds; null where it is no number below 10^12. -#}
{% macro milliseconds_from_seconds(text) -%}
    {{ return(adapter.dispatch('milliseconds_from_seconds', 'genesys')(text)) }}
{%- endmacro %}


{#- One number divided by another as a double, null where the other is zero, null or below. Doubles,
    because engines divide decimals to different scales. -#}
{% macro ratio(numerator, denominator) -%}
    case
        when {{ denominator }} > 0
            then
                cast({{ numerator }} as {{ sql_type('double precision') }})
                / cast({{ denominator }} as {{ sql_type('double precision') }})
    end
{%- endmacro %}
