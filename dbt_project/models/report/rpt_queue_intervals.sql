-- Grain: one row per name of a queue, channel, kind of interval (day, half_hour) and interval in
-- which anything was counted. Queues of one name are one: that is how people see them.

with

intervals as (

    select * from {{ ref('fct_queue_intervals') }}

),

queues as (

    select * from {{ ref('dim_queues') }}

),

targets as (

    -- Held against our own targets, of a day: waits are counted where they began.
    select
        queue_id,
        media_type,
        entered_date,
        count(*) as timed_count,
        sum(case when is_within_service_level then 1 else 0 end) as in_time_count,
        sum(service_level_share) as target_count
    from {{ ref('fct_queue_visits') }}
    where is_within_service_level is not null
    group by queue_id, media_type, entered_date

),

placed as (

    select
        intervals.*,
        targets.timed_count,
        targets.in_time_count,
        targets.target_count,
        case
            when intervals.interval_kind = 'half_hour'
                then {{ local_minute('intervals.interval_started_at', var('report_time_zone')) }}
        end as minute_of_day
    from intervals
    left join targets
        on
            intervals.interval_kind = 'day'
            and intervals.queue_id = targets.queue_id
            and intervals.media_type = targets.media_type
            and intervals.report_date = targets.entered_date
    where intervals.interval_kind in ('day', 'half_hour')

),

final as (

    select
        -- strings
        queues.queue_name,
        placed.media_type,
        placed.interval_kind,

        -- numbers
        placed.minute_of_day,
        cast(sum(placed.offered_count) as bigint) as offered_count,
        cast(sum(placed.answered_count) as bigint) as answered_count,
        cast(sum(placed.abandoned_count) as bigint) as abandoned_count,
        cast(sum(placed.flowed_out_count) as bigint) as flowed_out_count,
        cast(sum(placed.handled_count) as bigint) as handled_count,
        cast(sum(placed.service_level_numerator) as bigint) as service_level_numerator,
        cast(sum(placed.service_level_denominator) as bigint) as service_level_denominator,
        cast(sum(placed.timed_count) as bigint) as timed_count,
        cast(sum(placed.in_time_count) as bigint) as in_time_count,
        cast(sum(placed.target_count) as numeric(18, 3)) as target_count,
        cast(sum(placed.answer_seconds) as numeric(18, 3)) as answer_seconds,
        cast(sum(placed.handle_seconds) as numeric(18, 3)) as handle_seconds,

        -- booleans
        {{ boolean_any('not placed.is_day_complete') }} as is_incomplete,

        -- dates
        placed.report_date

    from placed
    inner join queues
        on placed.queue_id = queues.queue_id
    group by
        queues.queue_name,
        placed.media_type,
        placed.interval_kind,
        placed.minute_of_day,
        placed.report_date

)

select * from final
