{#- The CTEs that put the base buckets of a model into reporting intervals: one row per bucket and
    interval it is part of, named `<name>_placed`. Intervals are counted from the start of the local
    day, so those of a day add up to the day, also where it has 23 or 25 hours. A bucket that is
    coarser than an interval is part of none of that kind: it cannot be divided.

    Of a slice, the buckets of every day or month (the longest of the kinds) in which its reads may
    have changed any, as they were when its last load had come: what later loads changed is theirs. -#}
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
    where
        {{ newly_read('bucket_started_at', kinds[-1]) }}
        and loaded_at <= {{ loaded_through() }}

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
        when 'quarter_hour' then {{ later(started_at, 15, 'minute') }}
        when 'half_hour' then {{ later(started_at, 30, 'minute') }}
        when 'hour' then {{ later(started_at, 60, 'minute') }}
        when 'day' then {{ period_started_at(started_at, zone, 'day', 1) }}
        when 'month' then {{ period_started_at(started_at, zone, 'month', 1) }}
    end
{%- endmacro %}


{#- The length of a reporting interval, as a bigint. -#}
{% macro interval_minutes(started_at, ended_at) -%}
    cast({{ milliseconds_between(started_at, ended_at) }} * 0.001 / 60 as bigint)
{%- endmacro %}


{#- Which days of the report are complete for all that an interval model was read from, as a
    subquery. -#}
{% macro complete_days() -%}
    (
        select
            report_date,
            min(case when is_complete then 1 else 0 end) = 1 as is_complete
        from {{ ref('audit_day_completeness') }}
        where resource in ('{{ config.get('made_of').reads_of | join("', '") }}')
        group by report_date
    ) as complete_days
{%- endmacro %}


{#- After a build: a day can become complete, or cease to be, without a read of its own. Where it
    was not looked at before it is what the completeness of its resource says now. -#}
{% macro complete_days_again() -%}
    {%- set days -%}
        (select report_date, is_complete as is_day_complete from {{ complete_days() }})
    {%- endset -%}
    {{ update_from(days, 'report_date', ['is_day_complete']) }}
{%- endmacro %}


{#- The sums of columns of whole numbers, under their names, as a select list. -#}
{% macro sums(columns) -%}
    {%- for column in columns -%}
        cast(sum({{ column }}) as bigint) as {{ column }} {{- ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
