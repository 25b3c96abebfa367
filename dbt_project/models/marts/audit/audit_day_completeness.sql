-- Grain: one row per resource and day of the report's time zone that any of its windows touches.
-- A day is complete once it is covered without a gap and, where the source says until when it
-- guarantees its data, once that lies behind the day. Where it does not say, the settle delay
-- stands for it: no window ends closer to the present.

{% set zone = var('report_time_zone') %}

with recursive

stretches as (

    select * from {{ ref('int_windows_covered') }}

),

resources as (

    select
        resource,
        min(covered_from) as first_from,
        max(covered_through) as last_through,
        max(source_available_through) as source_available_through
    from stretches
    group by resource

),

days as (

    select
        resource,
        {{ period_started_at('first_from', zone) }} as day_started_at,
        {{ period_started_at('first_from', zone, 'day', 1) }} as day_ended_at,
        last_through,
        source_available_through
    from resources

    union all

    select
        resource,
        day_ended_at as day_started_at,
        {{ period_started_at('day_ended_at', zone, 'day', 1) }} as day_ended_at,
        last_through,
        source_available_through
    from days
    where day_ended_at < last_through

),

covered as (

    select
        days.resource,
        days.day_started_at,
        max(
            case
                when
                    stretches.covered_from <= days.day_started_at
                    and stretches.covered_through >= days.day_ended_at
                    then 1
                else 0
            end
        ) as is_covered
    from days
    inner join stretches
        on days.resource = stretches.resource
    group by days.resource, days.day_started_at

),

final as (

    select
        -- strings
        days.resource,

        -- booleans
        covered.is_covered = 1 as is_covered,
        coalesce(days.source_available_through >= days.day_ended_at, true) as is_guaranteed,
        covered.is_covered = 1
        and coalesce(days.source_available_through >= days.day_ended_at, true) as is_complete,

        -- dates
        {{ local_date('days.day_started_at', zone) }} as report_date,

        -- timestamps, UTC
        days.day_started_at,
        days.day_ended_at,
        days.source_available_through

    from days
    inner join covered
        on
            days.resource = covered.resource
            and days.day_started_at = covered.day_started_at

)

select * from final
