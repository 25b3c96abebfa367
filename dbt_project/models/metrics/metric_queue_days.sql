-- Grain: one row per queue, media type and day of report_time_zone in which anything was counted.

with

intervals as (

    select * from {{ ref('fct_queue_intervals') }}
    where interval_kind = 'day'

),

final as (

    select
        -- ids
        queue_id,

        -- strings
        media_type,

        -- numbers
        offered_count,
        answered_count,
        abandoned_count,
        short_abandoned_count,
        flowed_out_count,
        handled_count,
        transferred_count,
        wait_count,
        talk_count,
        hold_count,
        acw_count,
        service_level_numerator,
        service_level_denominator,
        wait_seconds,
        answer_seconds,
        talk_seconds,
        hold_seconds,
        acw_seconds,
        handle_seconds,

        -- dates
        report_date

    from intervals

)

select * from final
