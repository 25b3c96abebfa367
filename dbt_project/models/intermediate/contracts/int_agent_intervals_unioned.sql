-- Grain: one row per user, media type and bucket, whichever contract it was read by.

with

platform as (

    select
        user_id,
        media_type,
        bucket_started_at,
        bucket_ended_at,
        answered_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        alert_count,
        unanswered_alert_count,
        talk_count,
        hold_count,
        acw_count,
        answer_ms,
        alert_ms,
        unanswered_alert_ms,
        talk_ms,
        hold_ms,
        acw_ms,
        handle_ms,
        loaded_at
    from {{ ref('stg_platform__agent_aggregates') }}

),

guides as (

    -- The guides count all channels together, and handle time as talk and after-call work.
    select
        user_id,
        'all' as media_type,
        bucket_started_at,
        bucket_ended_at,
        answered_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        cast(null as bigint) as alert_count,
        cast(null as bigint) as unanswered_alert_count,
        cast(null as bigint) as talk_count,
        cast(null as bigint) as hold_count,
        cast(null as bigint) as acw_count,
        answer_ms,
        alert_ms,
        cast(null as bigint) as unanswered_alert_ms,
        talk_ms,
        hold_ms,
        acw_ms,
        talk_ms + acw_ms as handle_ms,
        loaded_at
    from {{ ref('stg_guides__agent_intervals') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
