{{ config(materialized='table') }}

-- Grain: one row per external contact, as the newest scan that holds it describes it.
-- A table: several models read it, and each scan holds every contact.

with

source as (

    select * from {{ raw_table('platform', 'external_contacts') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

complete_scans as (

    select max(window_start) as scanned_at
    from {{ ref('stg_loader__extract_windows') }}
    where resource = 'external_contacts' and status = 'loaded'

),

versions as (

    -- Keys only: choosing costs nothing, carrying the payloads through it would cost all.
    select
        source.record_id,
        source.window_start,
        source.extracted_at,
        source.payload_hash,
        min(committed_loads.loaded_at) as loaded_at
    from source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id
    group by source.record_id, source.window_start, source.extracted_at, source.payload_hash

),

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by window_start desc, extracted_at desc, payload_hash desc
        ) as version_number
    from versions

),

payloads as (

    -- A package loaded again after a crash brings equal rows: equal hash, equal payload.
    select
        numbered.record_id,
        numbered.window_start,
        numbered.extracted_at,
        numbered.loaded_at,
        min(source.payload) as payload
    from source
    inner join numbered
        on
            source.record_id = numbered.record_id
            and source.window_start = numbered.window_start
            and source.extracted_at = numbered.extracted_at
            and source.payload_hash = numbered.payload_hash
    where numbered.version_number = 1
    group by
        numbered.record_id, numbered.window_start, numbered.extracted_at, numbered.loaded_at

),

documents as {{ computed_once() }} (

    select
        record_id,
        window_start,
        extracted_at,
        loaded_at,
        {{ json_parse('payload') }} as payload_json
    from payloads

),

records as (

    select
        record_id,
        window_start,
        extracted_at,
        loaded_at,
        payload_json,
        {{ json_record(
            'payload_json',
            [
                'type', 'firstName', 'middleName', 'lastName', 'title', 'workEmail',
                'personalEmail', 'otherEmail', 'surveyOptOut', 'createDate', 'modifyDate',
            ],
            nodes=['externalIds', 'mergeSet', 'mergedFrom']
        ) }} as record
    from documents

),

renamed as (

    select
        -- ids
        records.record_id as contact_id,
        {{ json_text('records.payload_json', 'division.id') }} as division_id,
        {{ json_text('records.payload_json', 'canonicalContact.id') }} as canonical_contact_id,
        {{ json_text('records.payload_json', 'mergedTo.id') }} as merged_to_contact_id,

        -- strings; lists without order are joined as Genesys's fields are named
        {{ json_field('records.record', 'type') }} as contact_type,
        {{ json_field('records.record', 'firstName') }} as first_name,
        {{ json_field('records.record', 'middleName') }} as middle_name,
        {{ json_field('records.record', 'lastName') }} as last_name,
        {{ json_field('records.record', 'title') }} as title,
        nullif(
            {{ comma_list([
                json_field('records.record', 'workEmail'),
                json_field('records.record', 'personalEmail'),
                json_field('records.record', 'otherEmail'),
            ]) }}, ''
        ) as emails,
        nullif(
            {{ comma_list([
                json_text('records.payload_json', 'workPhone.e164'),
                json_text('records.payload_json', 'cellPhone.e164'),
                json_text('records.payload_json', 'homePhone.e164'),
                json_text('records.payload_json', 'otherPhone.e164'),
            ]) }}, ''
        ) as phones,

        -- booleans
        {{ try_boolean(json_field('records.record', 'surveyOptOut')) }} as is_survey_opt_out,
        coalesce({{ utc('records.window_start') }} < complete_scans.scanned_at, false) as is_gone,

        -- timestamps, UTC
        {{ timestamp_from_text(json_field('records.record', 'createDate')) }} as created_at,
        {{ timestamp_from_text(json_field('records.record', 'modifyDate')) }} as modified_at,
        {{ utc('records.window_start') }} as scanned_at,
        {{ utc('records.extracted_at') }} as extracted_at,
        records.loaded_at,

        -- still JSON, taken apart by stg_platform__external_contact_ids and __contact_merges
        {{ json_node_field('records.record', 'externalIds') }} as external_ids_json,
        {{ json_node_field('records.record', 'mergeSet') }} as merge_set_json,
        {{ json_node_field('records.record', 'mergedFrom') }} as merged_sources_json

    from records
    cross join complete_scans

)

select * from renamed
