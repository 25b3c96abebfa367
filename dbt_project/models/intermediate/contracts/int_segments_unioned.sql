-- Grain: one row per segment of a session, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        session_id,
        queue_id,
        requested_language_id,
        requested_skill_ids,
        wrapup_code_id,
        segment_type,
        disconnect_type,
        error_code,
        wrapup_note,
        segment_number,
        is_conference,
        started_at,
        ended_at,
        loaded_at
    from {{ ref('stg_platform__segments') }}

)

select * from platform
