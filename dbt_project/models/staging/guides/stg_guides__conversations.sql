{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'source': 'guides', 'records_of': ['guides_conversations']}
    )
}}

-- Grain: one row per conversation that a contact's list has, as it was last listed.

with

{{ newest_versions('guides', 'guides_conversations') }},

records as (

    select
        record_id,
        extracted_at,
        loaded_at,
        {{ json_record(
            'payload_json',
            ['state', 'type', 'mediaState', 'createdTime', 'updatedTime', 'wrapUpTime'],
            nodes=['participants']
        ) }} as record
    from documents

),

renamed as (

    select
        -- ids
        cast(record_id as {{ dbt.type_string() }}) as conversation_id,

        -- strings
        {{ json_field('record', 'state') }} as state,
        {{ json_field('record', 'type') }} as conversation_type,
        {{ json_field('record', 'mediaState') }} as media_state,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('record', 'createdTime')) }} as created_at,
        {{ timestamp_from_text(json_field('record', 'updatedTime')) }} as updated_at,
        {{ timestamp_from_text(json_field('record', 'wrapUpTime')) }} as wrapped_up_at,
        {{ utc('extracted_at') }} as extracted_at,
        loaded_at,

        -- still JSON, taken apart by stg_guides__conversation_participants
        {{ json_node_field('record', 'participants') }} as participants_json

    from records

)

select * from renamed
