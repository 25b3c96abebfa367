-- Grain: one row per contact, external source and value.

with

contacts as (

    select * from {{ ref('stg_platform__external_contacts') }}

),

external_ids as (

    select
        contacts.contact_id,
        contacts.loaded_at,
        {{ json_text('external_id.value', 'externalSource.id') }} as external_source_id,
        {{ json_text('external_id.value', 'externalSource.name') }} as external_source_name,
        {{ json_text('external_id.value', 'value') }} as external_id
    from {{ json_array_elements('contacts', 'contacts.external_ids_json', 'external_id') }}

),

final as (

    -- Genesys does not promise that a list names an id once.
    select
        -- ids
        contact_id,
        external_source_id,
        external_id,

        -- strings
        max(external_source_name) as external_source_name,

        -- timestamps, UTC
        loaded_at

    from external_ids
    where external_id is not null
    group by contact_id, external_source_id, external_id, loaded_at

)

select * from final
