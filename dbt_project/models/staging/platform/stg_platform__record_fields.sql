{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail'
    )
}}

-- Grain: one row per resource, load and top-level field of its records.
-- Incremental by load: a load that is committed never changes.

with

conversations as (

    select * from {{ raw_table('platform', 'conversation_details') }}

),

contacts as (

    select * from {{ raw_table('platform', 'external_contacts') }}

),

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}
    {% if is_incremental() %}
        where loaded_at > {{ loaded_through() }}
    {% endif %}

),

records as (

    select
        'conversation_details' as resource_name,
        conversations.record_id,
        conversations.extracted_at,
        conversations._dlt_load_id as load_id,
        committed_loads.loaded_at,
        {{ json_parse('conversations.payload') }} as payload_json
    from conversations
    inner join committed_loads
        on conversations._dlt_load_id = committed_loads.load_id

    union all

    select
        'external_contacts' as resource_name,
        contacts.record_id,
        contacts.extracted_at,
        contacts._dlt_load_id as load_id,
        committed_loads.loaded_at,
        {{ json_parse('contacts.payload') }} as payload_json
    from contacts
    inner join committed_loads
        on contacts._dlt_load_id = committed_loads.load_id

),

fields as (

    select
        records.resource_name,
        records.record_id,
        records.extracted_at,
        records.load_id,
        records.loaded_at,
        field.key as field_name
    from records
    cross join {{ json_object_keys('records.payload_json', 'field') }}

),

final as (

    select
        -- ids
        load_id,

        -- strings
        resource_name,
        field_name,

        -- numbers
        count(distinct record_id) as record_count,

        -- timestamps, UTC
        min({{ utc('extracted_at') }}) as first_extracted_at,
        max({{ utc('extracted_at') }}) as last_extracted_at,
        loaded_at

    from fields
    group by load_id, resource_name, field_name, loaded_at

)

select * from final
