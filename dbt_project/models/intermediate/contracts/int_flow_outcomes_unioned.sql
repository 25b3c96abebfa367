-- Grain: one row per attempt at an outcome in the flow of a session, whichever contract it was
-- read by.

with

platform as (

    select
        conversation_id,
        session_id,
        participant_id,
        flow_id,
        flow_outcome_id,
        flow_outcome_value,
        outcome_number,
        started_at,
        ended_at,
        loaded_at
    from {{ ref('stg_platform__flow_outcomes') }}

)

select * from platform
