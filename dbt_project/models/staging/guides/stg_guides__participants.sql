{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['conversation_id', 'participant_id'],
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'source': 'guides', 'records_of': ['guides_participants']}
    )
}}

-- Grain: one row per participant of a conversation and type, as it was last read.
-- The guide warns of an id that comes as customer and as agent: those are two participants here.
-- A participant whose attributes were cut off is read again within the same window, so of versions
-- that were asked for at the same time the one with most attributes counts, then the longest:
-- values are cut off too.

with

{{ record_versions('guides', 'guides_participants') }},

read_last as (

    -- Each text of a record once: it is parsed before its type is known.
    select
        *,
        min(loaded_at) over (partition by record_id, payload_hash) as first_loaded_at,
        row_number() over (
            partition by record_id, payload_hash order by extracted_at desc
        ) as read_number
    from versions

),

payloads as (

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        read_last.record_id,
        read_last.extracted_at,
        read_last.payload_hash,
        read_last.first_loaded_at,
        read_last.loaded_at,
        min(source.payload) as payload
    from source
    inner join read_last
        on
            source.record_id = read_last.record_id
            and source.extracted_at = read_last.extracted_at
            and source.payload_hash = read_last.payload_hash
            and source._dlt_load_id = read_last.load_id
    where read_last.read_number = 1
    group by
        read_last.record_id,
        read_last.extracted_at,
        read_last.payload_hash,
        read_last.first_loaded_at,
        read_last.loaded_at

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
        {{ json_field('participant', 'type') }} as participant_purpose,
        -- Who has none lacks the object.
        coalesce({{ json_key_count(json_node_field('participant', 'customAttributes')) }}, 0)
            as attribute_count
    from records

),

versions_numbered as (

    select
        *,
        min(first_loaded_at) over (partition by record_id, participant_purpose) as type_loaded_at,
        row_number() over (
            partition by record_id, participant_purpose
            order by
                extracted_at desc, attribute_count desc, length(payload) desc, payload_hash desc
        ) as version_number
    from counted

),

numbered as (

    -- Whoever came first keeps the id, whatever comes later.
    select
        *,
        row_number() over (
            partition by record_id
            order by
                type_loaded_at asc,
                case when participant_purpose = 'customer' then 1 else 2 end asc,
                participant_purpose asc
        ) as id_use
    from versions_numbered
    where version_number = 1

),

renamed as (

    select
        -- ids
        {{ json_field('record', 'interactionId') }} as conversation_id,
        {{ id_of_its_own(json_field('record', 'participantId'), 'id_use') }} as participant_id,
        {{ json_field('record', 'queueId') }} as queue_id,
        {{ json_field('record', 'wrapupCode') }} as wrapup_code_id,

        -- strings
        participant_purpose,

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
    where {{ newly_loaded() }}

)

select * from renamed
