-- Grain: one row per participant of a conversation, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        participant_id,
        user_id,
        team_id,
        external_contact_id,
        external_organization_id,
        participant_purpose,
        participant_name,
        participant_number,
        loaded_at
    from {{ ref('stg_platform__participants') }}

)

select * from platform
