{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations'}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per participant of a conversation.

with

{{ conversation_elements(['participants']) }},

participants as (

    select
        conversation_id,
        loaded_at,
        first_number as participant_number,
        {{ json_record(
            'element_json',
            [
                'participantId', 'participantName', 'purpose', 'userId', 'teamId',
                'externalContactId', 'externalOrganizationId', 'flaggedReason',
            ]
        ) }} as record
    from elements

),

identified as (

    -- Every field of Genesys's may be absent, a key may not.
    select
        *,
        coalesce(
            {{ json_field('record', 'participantId') }},
            'participant ' || cast(participant_number as {{ dbt.type_string() }})
        ) as given_id
    from participants

),

numbered as (

    select
        *,
        row_number() over (
            partition by conversation_id, given_id order by participant_number
        ) as id_use
    from identified

),

renamed as (

    select
        -- ids
        conversation_id,
        {{ id_of_its_own('given_id', 'id_use') }} as participant_id,
        {{ json_field('record', 'userId') }} as user_id,
        {{ json_field('record', 'teamId') }} as team_id,
        {{ json_field('record', 'externalContactId') }} as external_contact_id,
        {{ json_field('record', 'externalOrganizationId') }} as external_organization_id,

        -- strings
        {{ json_field('record', 'purpose') }} as participant_purpose,
        {{ json_field('record', 'participantName') }} as participant_name,
        {{ json_field('record', 'flaggedReason') }} as flagged_reason,

        -- numbers
        cast(participant_number as bigint) as participant_number,
        cast(id_use as bigint) as id_use,

        -- timestamps, UTC
        loaded_at

    from numbered

)

-- Where they stand together, what they have in common takes no room.
select * from renamed
order by loaded_at, conversation_id, participant_number
