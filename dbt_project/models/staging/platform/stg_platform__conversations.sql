{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'parts': ['stg_platform__conversation_versions']}
    )
}}

-- Grain: one row per conversation, as Genesys last described it.
-- Only the newest version of a conversation is opened, in the slice that brought it.

with

{{ conversation_documents() }},

records as (

    select
        record_id,
        extracted_at,
        payload_hash,
        loaded_at,
        {{ json_record(
            'payload_json',
            [
                'conversationStart', 'conversationEnd', 'conferenceStart', 'originatingDirection',
                'conversationInitiator', 'customerParticipation', 'selfServed', 'externalTag',
                'associatedConversationId', 'mediaStatsMinConversationMos',
            ],
            nodes=['consultationConversationIds', 'divisionIds']
        ) }} as record
    from documents

),

renamed as (

    select
        -- ids
        cast(record_id as {{ dbt.type_string() }}) as conversation_id,
        {{ json_field('record', 'associatedConversationId') }} as associated_conversation_id,
        {{ json_array_text(json_node_field('record', 'consultationConversationIds')) }}
            as consultation_conversation_ids,
        payload_hash,

        -- strings
        {{ json_field('record', 'originatingDirection') }} as originating_direction,
        {{ json_field('record', 'conversationInitiator') }} as conversation_initiator,
        {{ json_field('record', 'externalTag') }} as external_tag,
        {{ json_array_text(json_node_field('record', 'divisionIds')) }} as division_ids,

        -- numbers
        {{ try_double(json_field('record', 'mediaStatsMinConversationMos')) }} as min_mos,

        -- booleans
        {{ try_boolean(json_field('record', 'customerParticipation')) }}
            as has_customer_participation,
        {{ try_boolean(json_field('record', 'selfServed')) }} as is_self_served,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'conversationStart')) }} as started_at,
        {{ timestamp_from_text(json_field('record', 'conversationEnd')) }} as ended_at,
        {{ timestamp_from_text(json_field('record', 'conferenceStart')) }}
            as conference_started_at,
        {{ utc('extracted_at') }} as extracted_at,
        loaded_at

    from records

)

select * from renamed
