{#- A time of Genesys's, as text, to a UTC timestamp; null where it is none. By way of
    timestamptz: a plain cast to timestamp drops the offset without a word. -#}

{% macro timestamp_from_text(text) -%}
    {{ return(adapter.dispatch('timestamp_from_text', 'genesys')(text)) }}
{%- endmacro %}


{% macro utc(column) -%}
    {{ return(adapter.dispatch('utc', 'genesys')(column)) }}
{%- endmacro %}


{% macro timestamp_from_epoch_text(text) -%}
    {{ return(adapter.dispatch('timestamp_from_epoch_text', 'genesys')(text)) }}
{%- endmacro %}


{% macro milliseconds_between(started_at, ended_at) -%}
    {{ return(adapter.dispatch('milliseconds_between', 'genesys')(started_at, ended_at)) }}
{%- endmacro %}


{#- So many units (microsecond to year) later than a timestamp or date; earlier where they are below 0.
    As dbt.dateadd, which on some engines gives another type than it was given. -#}
{% macro later(timestamp, count, unit) -%}
    {{ return(adapter.dispatch('later', 'genesys')(timestamp, count, unit)) }}
{%- endmacro %}

{% macro default__later(timestamp, count, unit) -%}
    {{ return(dbt.dateadd(unit, count, timestamp)) }}
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


{#- The local calendar date of a UTC timestamp. -#}
{% macro local_date(timestamp, zone) -%}
    cast({{ local_time(timestamp, "'" ~ zone ~ "'") }} as date)
{%- endmacro %}


{#- What clocks of a zone, an expression, show at a UTC timestamp. -#}
{% macro local_time(timestamp, zone) -%}
    {{ return(adapter.dispatch('local_time', 'genesys')(timestamp, zone)) }}
{%- endmacro %}


{#- The minute of the local day that clocks of a zone show at a UTC timestamp, from 0. -#}
{% macro local_minute(timestamp, zone) -%}
    {%- set local = local_time(timestamp, "'" ~ zone ~ "'") -%}
    cast(extract(hour from {{ local }}) * 60 + extract(minute from {{ local }}) as bigint)
{%- endmacro %}


{#- The day of the week of a date, 1 for Monday to 7 for Sunday (ISO 8601). -#}
{% macro weekday_number(date) -%}
    {{ return(adapter.dispatch('weekday_number', 'genesys')(date)) }}
{%- endmacro %}


{#- The start of the stretch of so many minutes, counted from `origin`, that a timestamp lies in. -#}
{% macro stretch_started_at(timestamp, origin, minutes) -%}
    {{ return(adapter.dispatch('stretch_started_at', 'genesys')(timestamp, origin, minutes)) }}
{%- endmacro %}


{#- A UTC timestamp as Genesys writes it: milliseconds and Z. -#}
{% macro iso_text(timestamp) -%}
    {{ return(adapter.dispatch('iso_text', 'genesys')(timestamp)) }}
{%- endmacro %}


{#- Seconds as text with three decimals, the zeros too, which not every engine keeps by itself. -#}
{% macro seconds_text(seconds) -%}
    {{ return(adapter.dispatch('seconds_text', 'genesys')(seconds)) }}
{%- endmacro %}

{% macro default__seconds_text(seconds) -%}
    cast({{ seconds }} as {{ sql_type('text') }})
{%- endmacro %}
