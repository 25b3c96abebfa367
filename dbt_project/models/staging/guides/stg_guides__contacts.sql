{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='contact_id',
        on_schema_change='fail',
        made_of={'source': 'guides', 'records_of': ['guides_contacts']}
    )
}}

-- Grain: one row per external contact, as it was last read.
-- Contacts are asked for one by one: one that was not read lately is none the less there.

with

{{ newest_versions('guides', 'guides_contacts') }},

records as (

    select
        record_id,
        extracted_at,
        loaded_at,
        {{ json_record(
            'payload_json',
            ['externalId', 'type', 'firstName', 'lastName', 'mergedTo'],
            nodes=['emails', 'phoneNumbers', 'mergedFromIds']
        ) }} as record
    from documents

),

emails_per_contact as (

    select
        records.record_id,
        {{ text_list(json_text('email.value', 'value')) }} as emails
    from {{ json_array_elements('records', json_node_field('records.record', 'emails'), 'email') }}
    group by records.record_id

),

phones_per_contact as (

    select
        records.record_id,
        {{ text_list(json_text('phone.value', 'value')) }} as phones
    from
        {{ json_array_elements(
            'records', json_node_field('records.record', 'phoneNumbers'), 'phone'
        ) }}
    group by records.record_id

),

renamed as (

    select
        -- ids
        records.record_id as contact_id,
        {{ json_field('records.record', 'externalId') }} as external_id,
        {{ json_field('records.record', 'mergedTo') }} as merged_to_contact_id,

        -- strings
        {{ json_field('records.record', 'type') }} as contact_type,
        {{ json_field('records.record', 'firstName') }} as first_name,
        {{ json_field('records.record', 'lastName') }} as last_name,
        emails_per_contact.emails,
        phones_per_contact.phones,

        -- timestamps, UTC
        {{ utc('records.extracted_at') }} as extracted_at,
        records.loaded_at,

        -- still JSON, taken apart by stg_guides__contact_merges
        {{ json_node_field('records.record', 'mergedFromIds') }} as merged_sources_json

    from records
    left join emails_per_contact
        on records.record_id = emails_per_contact.record_id
    left join phones_per_contact
        on records.record_id = phones_per_contact.record_id

)

select * from renamed
