{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['conversation_id', 'participant_id'],
        on_schema_change='fail',
        indexes=conversation_indexes(),
        meta={'source': 'guides', 'records_of': ['guides_participants']}
    )
}}

-- Grain: one row per participant of a conversation, as it was last read.
-- A participant whose attributes were cut off is read again within the same window, so of versions
-- that were asked for at the same time the one with most attributes counts, then the longest:
-- values are cut off too.

with

{{ record_versions('guides', 'guides_participants') }},

ranked as (

    select
        *,
        rank() over (partition by record_id order by extracted_at desc) as read_rank
    from versions

),

payloads as (

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        ranked.record_id,
        ranked.extracted_at,
        ranked.payload_hash,
        ranked.loaded_at,
        min(source.payload) as payload
    from source
    inner join ranked
        on
            source.record_id = ranked.record_id
            and source.extracted_at = ranked.extracted_at
            and source.payload_hash = ranked.payload_hash
            and source._dlt_load_id = ranked.load_id
    where ranked.read_rank = 1
    group by ranked.record_id, ranked.extracted_at, ranked.payload_hash, ranked.loaded_at

),

documents as {{ computed_once() }} (

    select
        *,
        {{ json_record(
            json_parse('payload'),
            ['interactionId', 'participantId', 'wrapupCode', 'queueId'],
            nodes=['participant']
        ) }} as record
    from payloads

),

records as (

    select
        *,
        {{ json_record(
            json_node_field('record', 'participant'),
            ['type', 'duration'],
            nodes=['customAttributes']
        ) }} as participant
    from documents

),

counted as (

    select
        *,
        -- Who has none lacks the object.
        coalesce({{ json_key_count(json_node_field('participant', 'customAttributes')) }}, 0)
            as attribute_count
    from records

),

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by attribute_count desc, length(payload) desc, payload_hash desc
        ) as version_number
    from counted

),

renamed as (

    select
        -- ids
        {{ json_field('record', 'interactionId') }} as conversation_id,
        {{ json_field('record', 'participantId') }} as participant_id,
        {{ json_field('record', 'queueId') }} as queue_id,
        {{ json_field('record', 'wrapupCode') }} as wrapup_code_id,

        -- strings
        {{ json_field('participant', 'type') }} as participant_purpose,

        -- numbers
        cast(attribute_count as bigint) as attribute_count,
        {{ milliseconds_from_seconds(json_field('participant', 'duration')) }} as duration_ms,

        -- timestamps, UTC
        {{ utc('extracted_at') }} as extracted_at,
        loaded_at,

        -- still JSON, taken apart by int_guides_attributes_unnested
        {{ json_part('payload', 'participant.customAttributes') }} as attributes_json

    -- One that another slice brought is in the table already, or will be.
    from numbered
    where
        version_number = 1
        and {{ newly_loaded() }}

)

select * from renamed
