{{
    config(
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'stg_platform__conversations'}
    )
}}

-- depends_on: {{ ref('stg_platform__conversations') }}
-- Grain: one row per participant and exact attribute name.
with

{{ conversation_elements(['participants']) }},

participant_records as (

    select
        *,
        {{ json_record('element_json', [], nodes=['attributes']) }} as record
    from elements

),

attribute_documents as (

    select
        conversation_id,
        loaded_at,
        first_number as participant_number,
        {{ json_node_field('record', 'attributes') }} as attributes_json
    from participant_records

),

identified_participants as (

    select * from {{ ref('stg_platform__participants') }}
    where {{ newly_loaded() }}

),

participants as (

    select
        identified_participants.conversation_id,
        identified_participants.participant_id,
        identified_participants.participant_purpose,
        identified_participants.loaded_at,
        attribute_documents.attributes_json
    from attribute_documents
    inner join identified_participants
        on
            attribute_documents.conversation_id = identified_participants.conversation_id
            and attribute_documents.participant_number
            = identified_participants.participant_number
            -- Equal anyway: so whoever reads some loads opens no records of others.
            and attribute_documents.loaded_at = identified_participants.loaded_at
    where {{ attributes_within_limit('attribute_documents.attributes_json') }}

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
