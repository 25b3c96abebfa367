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

),

guides as (

    select
        conversation_id,
        participant_id,
        user_id,
        cast(null as {{ dbt.type_string() }}) as team_id,
        external_contact_id,
        cast(null as {{ dbt.type_string() }}) as external_organization_id,
        participant_purpose,
        cast(null as {{ dbt.type_string() }}) as participant_name,
        participant_number,
        loaded_at
    from {{ ref('int_guides_participants_merged') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
