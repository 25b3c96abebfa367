-- Grain: one row per resource and day of the report's time zone that any of its windows touches.
-- A day is complete once it is covered without a gap and, where the source says until when it
-- guarantees its data, once that lies behind the day. Where it does not say, the settle delay
-- stands for it: no window ends closer to the present.

{% set zone = var('report_time_zone') %}

with

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

dated_resources as (

    select
        *,
        cast({{ local_date('first_from', zone) }} as timestamp) as first_date_at,
        cast({{ local_date('last_through', zone) }} as timestamp) as last_date_at
    from resources

),

dates as (

    select
        resource,
        first_from,
        last_through,
        source_available_through,
        cast(date_at as date) as report_date
    from {{ steps_between(
        'dated_resources', 'first_date_at', 'last_date_at', '1 day', 'date_at'
    ) }}

),

days_begun as (

    select
        *,
        {{ date_started_at('report_date', zone) }} as day_started_at,
        {{ date_started_at(later('report_date', 1, 'day'), zone) }} as day_ended_at
    from dates

),

days as (

    -- What ends with a day does not touch the next.
    select * from days_begun
    where
        day_started_at < last_through
        or day_started_at <= first_from

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
        days.report_date,

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
