-- Grain: one row per participant and exact attribute name, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        participant_id,
        participant_purpose,
        attribute_name,
        raw_value,
        loaded_at
    from {{ ref('stg_platform__participant_attributes') }}

)

select * from platform
