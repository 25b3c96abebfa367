-- Grain: one row per contact, external source and external id.

with

external_ids as (

    select * from {{ ref('int_contact_external_ids_unioned') }}

),

resolved_contacts as (

    select * from {{ ref('int_contact_merges_resolved') }}

),

final as (

    select
        -- ids
        {{ personal(
            'bridge_contact_external_ids', 'external_id', 'external_ids.external_id'
        ) }} as external_id,
        external_ids.external_source_id,
        external_ids.contact_id,
        resolved_contacts.canonical_contact_id,

        -- strings
        external_ids.external_source_name,

        -- timestamps, UTC
        external_ids.loaded_at

    from external_ids
    inner join resolved_contacts
        on external_ids.contact_id = resolved_contacts.contact_id

)

select * from final
