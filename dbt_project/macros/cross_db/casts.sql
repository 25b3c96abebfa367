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

{% macro default__matches(text, pattern) -%}
    {{ exceptions.raise_compiler_error("matches has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro postgres__matches(text, pattern) -%}
    ({{ text }} ~ '^({{ pattern }})$')
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

{% macro default__try_bigint(text) -%}
    {{ exceptions.raise_compiler_error("try_bigint has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__try_bigint(text) -%}
    cast(try_cast({{ text }} as decimal(18, 3)) as bigint)
{%- endmacro %}

{% macro postgres__try_bigint(text) -%}
    case
        when {{ text }} ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,60})?$'
            then cast(cast({{ text }} as numeric) as bigint)
    end
{%- endmacro %}

{% macro try_double(text) -%}
    {{ return(adapter.dispatch('try_double', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__try_double(text) -%}
    {{ exceptions.raise_compiler_error("try_double has no version for " ~ target.type) }}
{%- endmacro %}

{#- Its own cast also reads NaN, infinity, 1_000 and blanks around a number. -#}
{% macro duckdb__try_double(text) -%}
    case
        when {{ matches(text, double_pattern()) }} then try_cast({{ text }} as double)
    end
{%- endmacro %}

{% macro postgres__try_double(text) -%}
    case
        when {{ matches(text, double_pattern()) }}
            then cast({{ text }} as double precision)
    end
{%- endmacro %}


{#- Seconds as text to whole milliseconds; null where it is no number below 10^12. -#}
{% macro milliseconds_from_seconds(text) -%}
    {{ return(adapter.dispatch('milliseconds_from_seconds', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__milliseconds_from_seconds(text) -%}
    {{ exceptions.raise_compiler_error(
        "milliseconds_from_seconds has no version for " ~ target.type
    ) }}
{%- endmacro %}

{% macro duckdb__milliseconds_from_seconds(text) -%}
    cast(round(try_cast({{ text }} as decimal(18, 6)) * 1000) as bigint)
{%- endmacro %}

{% macro postgres__milliseconds_from_seconds(text) -%}
    case
        when {{ text }} ~ '^[+-]?[0-9]{1,12}([.][0-9]{1,60})?([eE]-[0-9]{1,2})?$'
            then cast(round(cast(cast({{ text }} as numeric) as numeric(18, 6)) * 1000) as bigint)
    end
{%- endmacro %}


{#- One number divided by another as a double, null where the other is zero, null or below. Doubles,
    because engines divide decimals to different scales. -#}
{% macro ratio(numerator, denominator) -%}
    case
        when {{ denominator }} > 0
            then
                cast({{ numerator }} as double precision)
                / cast({{ denominator }} as double precision)
    end
{%- endmacro %}
