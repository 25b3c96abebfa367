{#- The CTEs that put the base buckets of a model into reporting intervals: one row per bucket and
    interval it is part of, named `<name>_placed`. Intervals are counted from the start of the local
    day, so those of a day add up to the day, also where it has 23 or 25 hours. A bucket that is
    coarser than an interval is part of none of that kind: it cannot be divided. -#}
{% macro placed_in_intervals(model_name, name, kinds) -%}
    {%- set zone = var('report_time_zone') -%}
    {%- set minutes = {'quarter_hour': 15, 'half_hour': 30, 'hour': 60} -%}
    {%- set longest = {'day': 25 * 60, 'month': 31 * 24 * 60 + 60} -%}
{{ name }}_buckets as (

    select
        *,
        {{ period_started_at('bucket_started_at', zone) }} as day_started_at,
        {{ milliseconds_between('bucket_started_at', 'bucket_ended_at') }} / 60000.0
            as bucket_minutes
    from {{ ref(model_name) }}

),

{{ name }}_placed as (
    {% for kind in kinds %}
    select
        *,
        '{{ kind }}' as interval_kind,
        {%- if kind in minutes %}
        {{ stretch_started_at('bucket_started_at', 'day_started_at', minutes[kind]) }}
            as interval_started_at
        {%- else %}
        {{ period_started_at('bucket_started_at', zone, kind) }} as interval_started_at
        {%- endif %}
    from {{ name }}_buckets
    where bucket_minutes <= {{ minutes[kind] or longest[kind] }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)
{%- endmacro %}


{#- When a reporting interval ends, by its kind. -#}
{% macro interval_ended_at(kind, started_at) -%}
    {%- set zone = var('report_time_zone') -%}
    case {{ kind }}
        when 'quarter_hour' then {{ dbt.dateadd('minute', 15, started_at) }}
        when 'half_hour' then {{ dbt.dateadd('minute', 30, started_at) }}
        when 'hour' then {{ dbt.dateadd('minute', 60, started_at) }}
        when 'day' then {{ period_started_at(started_at, zone, 'day', 1) }}
        when 'month' then {{ period_started_at(started_at, zone, 'month', 1) }}
    end
{%- endmacro %}


{#- The length of a reporting interval, as a bigint. -#}
{% macro interval_minutes(started_at, ended_at) -%}
    cast({{ milliseconds_between(started_at, ended_at) }} * 0.001 / 60 as bigint)
{%- endmacro %}
