{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes()
    )
}}

-- Grain: one row per conversation, as Genesys last described it.
-- Incremental by load: a conversation that any later load brought is chosen again from all its
-- versions, so neither late nor out-of-order versions are lost.

with

source as (

    select * from {{ raw_table('platform', 'conversation_details') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

{% if is_incremental() %}
new_loads as (

    select load_id
    from committed_loads
    where loaded_at > {{ loaded_through() }}

),

changed as (

    select source.record_id
    from source
    inner join new_loads
        on source._dlt_load_id = new_loads.load_id
    group by source.record_id

),

{% endif %}
versions as (

    -- Keys only: choosing costs nothing, carrying the payloads through it would cost all.
    select
        source.record_id,
        source.extracted_at,
        source.payload_hash,
        min(committed_loads.loaded_at) as loaded_at,
        count(*) as copy_count
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id
    {% if is_incremental() %}
        inner join changed
            on source.record_id = changed.record_id
    {% endif %}
    group by source.record_id, source.extracted_at, source.payload_hash

),

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by extracted_at desc, payload_hash desc
        ) as version_number
    from versions

),

newest as (

    select * from numbered
    where version_number = 1

),

payloads as (

    select
        newest.record_id,
        newest.extracted_at,
        newest.payload_hash,
        newest.loaded_at,
        source.payload
    from source
    inner join newest
        on
            source.record_id = newest.record_id
            and source.extracted_at = newest.extracted_at
            and source.payload_hash = newest.payload_hash
    where newest.copy_count = 1

    union all

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        newest.record_id,
        newest.extracted_at,
        newest.payload_hash,
        newest.loaded_at,
        min(source.payload) as payload
    from source
    inner join newest
        on
            source.record_id = newest.record_id
            and source.extracted_at = newest.extracted_at
            and source.payload_hash = newest.payload_hash
    where newest.copy_count > 1
    group by newest.record_id, newest.extracted_at, newest.payload_hash, newest.loaded_at

),

documents as (

    select
        record_id,
        extracted_at,
        payload_hash,
        loaded_at,
        {{ json_parse('payload') }} as payload_json
    from payloads

),

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
            nodes=['divisionIds', 'participants']
        ) }} as record
    from documents

),

renamed as (

    select
        -- ids
        record_id as conversation_id,
        {{ json_field('record', 'associatedConversationId') }} as associated_conversation_id,
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
        loaded_at,

        -- still JSON, taken apart by stg_platform__participants
        {{ json_node_field('record', 'participants') }} as participants_json

    from records

)

select * from renamed
