{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_guides_conversations_merged'}
    )
}}

-- Grain: one row per participant and exact attribute name, of the attributes that were asked for.

with

conversations as (

    select * from {{ ref('int_guides_conversations_merged') }}
    where {{ newly_loaded() }}

),

participants as (

    select
        participants.conversation_id,
        participants.participant_id,
        participants.participant_purpose,
        participants.attributes_json,
        conversations.loaded_at
    from conversations
    inner join {{ ref('stg_guides__participants') }} as participants
        on conversations.conversation_id = participants.conversation_id
    where {{ attributes_within_limit('participants.attributes_json') }}

),

attributes as (

    select
        -- ids
        participants.conversation_id,
        participants.participant_id,

        -- strings; names and values exactly as they came, whatever type a value has become
        participants.participant_purpose,
        attribute.key as attribute_name,
        attribute.value as raw_value,

        -- timestamps, UTC
        participants.loaded_at

    from {{ json_part_entries('participants', 'participants.attributes_json', 'attribute') }}

)

select * from attributes
