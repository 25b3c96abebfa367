-- Grain: one row per kind of interval (day, half_hour) and interval: all agents together.

with

intervals as (

    select * from {{ ref('fct_agent_intervals') }}
    where interval_kind in ('day', 'half_hour')

),

placed as (

    select
        *,
        case
            when interval_kind = 'half_hour'
                then {{ local_minute('interval_started_at', var('report_time_zone')) }}
        end as minute_of_day
    from intervals

),

final as (

    select
        -- strings
        interval_kind,

        -- numbers
        minute_of_day,
        cast(sum(interacting_seconds) as numeric(18, 3)) as interacting_seconds,
        cast(sum(communicating_seconds) as numeric(18, 3)) as communicating_seconds,
        cast(sum(idle_seconds) as numeric(18, 3)) as idle_seconds,
        cast(sum(not_responding_seconds) as numeric(18, 3)) as not_responding_seconds,

        -- booleans
        {{ boolean_any('not is_day_complete') }} as is_incomplete,

        -- dates
        report_date

    from placed
    group by interval_kind, minute_of_day, report_date

)

select * from final
