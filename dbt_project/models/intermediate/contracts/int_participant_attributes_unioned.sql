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

),

guides as (

    select
        conversation_id,
        participant_id,
        participant_purpose,
        attribute_name,
        raw_value,
        loaded_at
    from {{ ref('int_guides_attributes_unnested') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
