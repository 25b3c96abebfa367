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
-- Grain: one row per participant and exact attribute name.

with

participants as (

    select * from {{ ref('stg_platform__participants') }}
    where
        {{ newly_loaded() }}
        and {{ attributes_within_limit('attributes_json') }}

),

attributes as (

    select
        -- ids
        participants.conversation_id,
        participants.participant_id,

        -- strings; names and values exactly as they came, the empty string is a value
        participants.participant_purpose,
        attribute.key as attribute_name,
        attribute.value as raw_value,

        -- timestamps, UTC
        participants.loaded_at

    from {{ json_object_entries('participants', 'participants.attributes_json', 'attribute') }}

)

select * from attributes
