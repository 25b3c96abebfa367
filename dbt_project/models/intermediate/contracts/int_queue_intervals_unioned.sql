-- Grain: one row per queue, media type and bucket, whichever contract it was read by.

with

platform as (

    select
        queue_id,
        media_type,
        bucket_started_at,
        bucket_ended_at,
        offered_count,
        connected_count,
        answered_count,
        abandoned_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        over_service_level_count,
        short_abandoned_count,
        flowed_out_count,
        alert_count,
        unanswered_alert_count,
        talk_count,
        hold_count,
        acw_count,
        wait_count,
        wait_ms,
        answer_ms,
        abandon_ms,
        flow_out_ms,
        alert_ms,
        unanswered_alert_ms,
        talk_ms,
        hold_ms,
        acw_ms,
        handle_ms,
        service_level_numerator,
        service_level_denominator,
        loaded_at
    from {{ ref('stg_platform__queue_aggregates') }}

),

guides as (

    -- The guides count all channels together, and handle time as talk and after-call work.
    select
        queue_id,
        'all' as media_type,
        bucket_started_at,
        bucket_ended_at,
        offered_count,
        connected_count,
        answered_count,
        abandoned_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        over_service_level_count,
        cast(null as bigint) as short_abandoned_count,
        cast(null as bigint) as flowed_out_count,
        cast(null as bigint) as alert_count,
        cast(null as bigint) as unanswered_alert_count,
        cast(null as bigint) as talk_count,
        cast(null as bigint) as hold_count,
        cast(null as bigint) as acw_count,
        cast(null as bigint) as wait_count,
        wait_ms,
        answer_ms,
        abandon_ms,
        cast(null as bigint) as flow_out_ms,
        alert_ms,
        cast(null as bigint) as unanswered_alert_ms,
        talk_ms,
        hold_ms,
        acw_ms,
        talk_ms + acw_ms as handle_ms,
        cast(null as bigint) as service_level_numerator,
        cast(null as bigint) as service_level_denominator,
        loaded_at
    from {{ ref('stg_guides__queue_intervals') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
