-- Grain: one row per queue that the seed names, * for all others, and line that holds for it.

{% set zone = var('report_time_zone') %}

with

lines as (

    select
        trim(queue_id) as queue_id,
        coalesce(nullif(trim(time_zone), ''), '{{ zone }}') as time_zone,
        case trim(day)
            {% for day in weekdays() %}
                when '{{ day }}' then {{ loop.index }}
            {% endfor %}
        end as weekday_number,
        cast(substr(trim(opens), 1, 2) as bigint) * 60
        + cast(substr(trim(opens), 4, 2) as bigint) as opening_minute,
        cast(substr(trim(closes), 1, 2) as bigint) * 60
        + cast(substr(trim(closes), 4, 2) as bigint) as closing_minute,
        {{ try_date('day') }} as local_date
    from {{ ref('business_hours') }}

),

queues as (

    select
        queue_id,
        count(weekday_number) as weekday_count
    from lines
    group by queue_id

),

own_dates as (

    select
        queue_id,
        local_date
    from lines
    where local_date is not null
    group by queue_id, local_date

),

final as (

    -- The lines of all hold for a queue that has no weekday of its own, or not the date.
    select
        -- ids
        queues.queue_id,

        -- strings
        lines.time_zone,

        -- numbers
        cast(lines.weekday_number as bigint) as weekday_number,
        lines.opening_minute,
        lines.closing_minute,

        -- dates
        lines.local_date

    from queues
    inner join lines
        on queues.queue_id = lines.queue_id or lines.queue_id = '*'
    left join own_dates
        on
            queues.queue_id = own_dates.queue_id
            and lines.local_date = own_dates.local_date
    where
        queues.queue_id = lines.queue_id
        or (lines.weekday_number is not null and queues.weekday_count = 0)
        or (lines.local_date is not null and own_dates.queue_id is null)

)

select * from final
