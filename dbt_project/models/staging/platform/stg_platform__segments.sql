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
-- Grain: one row per segment of a session. Genesys gives segments no id: they are numbered.

with

{{ session_elements(
    'segments',
    [
        'segmentType', 'segmentStart', 'segmentEnd', 'queueId', 'disconnectType',
        'errorCode', 'conference', 'wrapUpCode', 'wrapUpNote', 'requestedLanguageId',
        'groupId', 'subject', 'sourceConversationId', 'destinationConversationId',
    ],
    nodes=['requestedRoutingSkillIds']
) }},

renamed as (

    select
        -- ids
        conversation_id,
        session_id,
        {{ json_field('record', 'queueId') }} as queue_id,
        {{ json_field('record', 'groupId') }} as group_id,
        {{ json_field('record', 'requestedLanguageId') }} as requested_language_id,
        {{ json_array_text(json_node_field('record', 'requestedRoutingSkillIds')) }}
            as requested_skill_ids,
        {{ json_field('record', 'wrapUpCode') }} as wrapup_code_id,
        {{ json_field('record', 'sourceConversationId') }} as source_conversation_id,
        {{ json_field('record', 'destinationConversationId') }} as destination_conversation_id,

        -- strings
        {{ json_field('record', 'segmentType') }} as segment_type,
        {{ json_field('record', 'disconnectType') }} as disconnect_type,
        {{ json_field('record', 'errorCode') }} as error_code,
        {{ json_field('record', 'subject') }} as subject,
        {{ json_field('record', 'wrapUpNote') }} as wrapup_note,

        -- numbers
        cast(element_number as bigint) as segment_number,

        -- booleans
        {{ try_boolean(json_field('record', 'conference')) }} as is_conference,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'segmentStart')) }} as started_at,
        {{ timestamp_from_text(json_field('record', 'segmentEnd')) }} as ended_at,
        loaded_at

    from session_elements

)

-- Where they stand together, what they have in common takes no room.
select * from renamed
order by loaded_at, conversation_id, session_id, segment_number
