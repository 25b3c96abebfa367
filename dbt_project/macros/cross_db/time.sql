{#- A time of Genesys's, as text, to a UTC timestamp; null where it is none. By way of
    timestamptz: a plain cast to timestamp drops the offset without a word. -#}

{% macro timestamp_from_text(text) -%}
    {{ return(adapter.dispatch('timestamp_from_text', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__timestamp_from_text(text) -%}
    {{ exceptions.raise_compiler_error("timestamp_from_text has no version for " ~ target.type) }}
{%- endmacro %}

{#- The session's TimeZone is UTC (profiles.yml), so a time without an offset reads as UTC. Years
    below 1000 and of five digits are null: the year 1 stands for no time at all, and what lasts until
    99999 is more milliseconds than a sum can hold. Its own cast also reads 24:00:00, infinity, epoch
    and blanks around a time, hence the shape; dates that do not exist it refuses. -#}
{% macro duckdb__timestamp_from_text(text) -%}
    case
        when {{ matches(text, timestamp_shape()) }}
            then try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}

{#- Postgres raises on a time that is none, hence the pattern; it rounds below the microsecond,
    where DuckDB cuts, hence the replacement; and its session has a time zone of its own, hence
    the offset for those that lack one. -#}
{% macro postgres__timestamp_from_text(text) -%}
    case
        when {{ matches(text, timestamp_pattern() ~ '|' ~ date_pattern()) }}
            then cast(
                regexp_replace({{ text }}, '([.][0-9]{6})[0-9]+', '\1')
                || case
                    when {{ text }} ~ ':[0-9.]+(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)$' then ''
                    else ' UTC'
                end as timestamptz
            ) at time zone 'UTC'
    end
{%- endmacro %}


{% macro utc(column) -%}
    {{ return(adapter.dispatch('utc', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__utc(column) -%}
    {{ exceptions.raise_compiler_error("utc has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__utc(column) -%}
    (cast({{ column }} as timestamptz) at time zone 'UTC')
{%- endmacro %}

{% macro postgres__utc(column) -%}
    (cast({{ column }} as timestamptz) at time zone 'UTC')
{%- endmacro %}


{% macro timestamp_from_epoch_text(text) -%}
    {{ return(adapter.dispatch('timestamp_from_epoch_text', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__timestamp_from_epoch_text(text) -%}
    {{ exceptions.raise_compiler_error(
        "timestamp_from_epoch_text has no version for " ~ target.type
    ) }}
{%- endmacro %}

{#- Decimals, not doubles: a double cannot tell microseconds apart today. -#}
{% macro duckdb__timestamp_from_epoch_text(text) -%}
    make_timestamp(
        cast(floor(try_cast({{ text }} as decimal(20, 7)) * 1000000) as bigint)
    )
{%- endmacro %}

{% macro postgres__timestamp_from_epoch_text(text) -%}
    cast('1970-01-01' as timestamp) + interval '1 microsecond' * floor(
        case when {{ text }} ~ '^[0-9]{1,11}([.][0-9]+)?$' then cast({{ text }} as numeric(20, 7)) end
        * 1000000
    )
{%- endmacro %}


{% macro milliseconds_between(started_at, ended_at) -%}
    {{ return(adapter.dispatch('milliseconds_between', 'genesys')(started_at, ended_at)) }}
{%- endmacro %}

{% macro default__milliseconds_between(started_at, ended_at) -%}
    {{ exceptions.raise_compiler_error("milliseconds_between has no version for " ~ target.type) }}
{%- endmacro %}

{#- epoch_ms would round up what is below the millisecond. -#}
{% macro duckdb__milliseconds_between(started_at, ended_at) -%}
    (epoch_us({{ ended_at }}) // 1000 - epoch_us({{ started_at }}) // 1000)
{%- endmacro %}

{% macro postgres__milliseconds_between(started_at, ended_at) -%}
    cast(
        floor(extract(epoch from {{ ended_at }}) * 1000)
        - floor(extract(epoch from {{ started_at }}) * 1000) as bigint
    )
{%- endmacro %}


{#- How long something lasted; null where it ends before it begins, which clocks that were set and
    records that were mended by hand bring about: such a time would be taken off the others. -#}
{% macro duration_ms(started_at, ended_at) -%}
    case
        when {{ ended_at }} >= {{ started_at }}
            then {{ milliseconds_between(started_at, ended_at) }}
    end
{%- endmacro %}


{#- Milliseconds to seconds without a double in between: 0.001 is a decimal on every engine. The
    cast first: DuckDB sums bigints to a hugeint, which times a decimal is a double. -#}
{% macro seconds(milliseconds) -%}
    cast(cast({{ milliseconds }} as bigint) * 0.001 as numeric(18, 3))
{%- endmacro %}


{#- When the day or month of a zone's calendar that a UTC timestamp lies in began, in UTC: days have
    23 or 25 hours where clocks change. `periods` moves on by so many of them. Where clocks are set
    back at one o'clock (Azores, Havana) midnight comes twice, and the day begins at the first. -#}
{% macro period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ return(adapter.dispatch('period_started_at', 'genesys')(timestamp, zone, unit, periods)) }}
{%- endmacro %}

{% macro default__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ exceptions.raise_compiler_error("period_started_at has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ first_midnight(timestamp, zone, unit, periods) }}
{%- endmacro %}

{% macro postgres__period_started_at(timestamp, zone, unit='day', periods=0) -%}
    {{ first_midnight(timestamp, zone, unit, periods) }}
{%- endmacro %}

{% macro first_midnight(timestamp, zone, unit, periods) -%}
    {%- set local -%}
        (
            date_trunc('{{ unit }}', ({{ timestamp }} at time zone 'UTC') at time zone '{{ zone }}')
            + interval '{{ periods }} {{ unit }}'
        )
    {%- endset -%}
    {{ first_in_utc(local, zone) }}
{%- endmacro %}

{#- Of two midnights engines choose the second: an hour before it is the same time of the clock. -#}
{% macro first_in_utc(local, zone) -%}
    (
        {{ local }} at time zone '{{ zone }}' at time zone 'UTC'
        - case
            when
                ({{ local }} at time zone '{{ zone }}' - interval '1 hour')
                at time zone '{{ zone }}' = {{ local }}
                then interval '1 hour'
            else interval '0 hours'
        end
    )
{%- endmacro %}


{#- When a date of a zone's calendar begins, in UTC. -#}
{% macro date_started_at(date, zone) -%}
    {{ return(adapter.dispatch('date_started_at', 'genesys')(date, zone)) }}
{%- endmacro %}

{% macro default__date_started_at(date, zone) -%}
    {{ exceptions.raise_compiler_error("date_started_at has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__date_started_at(date, zone) -%}
    {{ first_in_utc('cast(' ~ date ~ ' as timestamp)', zone) }}
{%- endmacro %}

{% macro postgres__date_started_at(date, zone) -%}
    {{ first_in_utc('cast(' ~ date ~ ' as timestamp)', zone) }}
{%- endmacro %}


{#- The local calendar date of a UTC timestamp. -#}
{% macro local_date(timestamp, zone) -%}
    cast({{ local_time(timestamp, "'" ~ zone ~ "'") }} as date)
{%- endmacro %}


{#- What clocks of a zone, an expression, show at a UTC timestamp. -#}
{% macro local_time(timestamp, zone) -%}
    {{ return(adapter.dispatch('local_time', 'genesys')(timestamp, zone)) }}
{%- endmacro %}

{% macro default__local_time(timestamp, zone) -%}
    {{ exceptions.raise_compiler_error("local_time has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__local_time(timestamp, zone) -%}
    ({{ timestamp }} at time zone 'UTC') at time zone {{ zone }}
{%- endmacro %}

{% macro postgres__local_time(timestamp, zone) -%}
    ({{ timestamp }} at time zone 'UTC') at time zone {{ zone }}
{%- endmacro %}


{#- The day of the week of a date, 1 for Monday to 7 for Sunday (ISO 8601). -#}
{% macro weekday_number(date) -%}
    {{ return(adapter.dispatch('weekday_number', 'genesys')(date)) }}
{%- endmacro %}

{% macro default__weekday_number(date) -%}
    {{ exceptions.raise_compiler_error("weekday_number has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__weekday_number(date) -%}
    cast(extract(isodow from {{ date }}) as bigint)
{%- endmacro %}

{% macro postgres__weekday_number(date) -%}
    cast(extract(isodow from {{ date }}) as bigint)
{%- endmacro %}


{#- The start of the stretch of so many minutes, counted from `origin`, that a timestamp lies in. -#}
{% macro stretch_started_at(timestamp, origin, minutes) -%}
    {{ return(adapter.dispatch('stretch_started_at', 'genesys')(timestamp, origin, minutes)) }}
{%- endmacro %}

{% macro default__stretch_started_at(timestamp, origin, minutes) -%}
    {{ exceptions.raise_compiler_error("stretch_started_at has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__stretch_started_at(timestamp, origin, minutes) -%}
    (
        {{ origin }} + interval '1 minute' * cast(
            floor(
                (epoch_ms({{ timestamp }}) - epoch_ms({{ origin }})) / (60000.0 * {{ minutes }})
            ) * {{ minutes }} as bigint
        )
    )
{%- endmacro %}

{% macro postgres__stretch_started_at(timestamp, origin, minutes) -%}
    (
        {{ origin }} + interval '1 minute' * cast(
            floor(
                extract(epoch from {{ timestamp }} - {{ origin }}) / (60.0 * {{ minutes }})
            ) * {{ minutes }} as bigint
        )
    )
{%- endmacro %}


{#- A UTC timestamp as Genesys writes it: milliseconds and Z. -#}
{% macro iso_text(timestamp) -%}
    {{ return(adapter.dispatch('iso_text', 'genesys')(timestamp)) }}
{%- endmacro %}

{% macro default__iso_text(timestamp) -%}
    {{ exceptions.raise_compiler_error("iso_text has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__iso_text(timestamp) -%}
    strftime({{ timestamp }}, '%Y-%m-%dT%H:%M:%S.%gZ')
{%- endmacro %}

{% macro postgres__iso_text(timestamp) -%}
    to_char({{ timestamp }}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
{%- endmacro %}
