{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_guides__conversations'}
    )
}}

-- Grain: one row per participant of a conversation that a contact's list has.

with

conversations as (

    select * from {{ ref('stg_guides__conversations') }}
    where {{ newly_loaded() }}

),

participants as (

    select
        conversations.conversation_id,
        conversations.loaded_at,
        participant.position as participant_number,
        participant.value as participant_json,
        {{ json_record(
            'participant.value',
            ['participantId', 'purpose', 'externalContactId', 'userId', 'ani']
        ) }} as record
    from
        {{ json_array_elements(
            'conversations', 'conversations.participants_json', 'participant'
        ) }}

),

renamed as (

    select
        -- ids; every field of Genesys's may be absent, a key may not
        conversation_id,
        coalesce(
            {{ json_field('record', 'participantId') }},
            'participant ' || cast(participant_number as {{ dbt.type_string() }})
        ) as participant_id,
        {{ json_field('record', 'externalContactId') }} as external_contact_id,
        {{ json_field('record', 'userId') }} as user_id,
        {{ json_text('participant_json', 'routing.queueId') }} as queue_id,

        -- strings
        {{ json_field('record', 'purpose') }} as participant_purpose,
        {{ json_text('participant_json', 'routing.skill') }} as skill_name,
        {{ json_field('record', 'ani') }} as ani,

        -- numbers
        cast(participant_number as bigint) as participant_number,

        -- timestamps, UTC
        loaded_at

    from participants

)

select * from renamed
