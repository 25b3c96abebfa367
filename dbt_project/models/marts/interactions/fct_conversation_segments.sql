{{ config(materialized='view') }}

-- Grain: one row per segment: a phase of a session, with its true times.
-- A view: nothing is computed that would be worth keeping, and segments are the most numerous rows.

with

segments as (

    select * from {{ ref('int_segments_unioned') }}

),

sessions as (

    select * from {{ ref('int_sessions_unioned') }}

),

final as (

    select
        -- ids
        segments.conversation_id,
        segments.session_id,
        sessions.participant_id,
        sessions.user_id,
        segments.queue_id,
        sessions.flow_id,
        segments.wrapup_code_id,

        -- strings
        sessions.participant_purpose,
        sessions.media_type,
        sessions.direction,
        segments.segment_type,
        segments.disconnect_type,
        segments.error_code,

        -- numbers
        segments.segment_number,
        {{ seconds(duration_ms('segments.started_at', 'segments.ended_at')) }} as duration_seconds,

        -- booleans
        coalesce(segments.is_conference, false) as is_conference,
        segments.ended_at is null as is_open,

        -- dates
        {{ local_date('segments.started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        segments.started_at,
        segments.ended_at,
        segments.loaded_at

    from segments
    inner join sessions
        on
            segments.conversation_id = sessions.conversation_id
            and segments.session_id = sessions.session_id

)

select * from final
