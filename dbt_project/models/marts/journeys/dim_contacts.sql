-- Grain: one row per external contact that Genesys lists or listed, or that a merge or a
-- conversation names.

with

resolved_contacts as (

    select * from {{ ref('int_contact_merges_resolved') }}

),

contacts as (

    select * from {{ ref('int_contacts_unioned') }}

),

external_ids_per_contact as (

    select
        contact_id,
        {{ text_list('external_id') }} as external_ids
    from {{ ref('int_contact_external_ids_unioned') }}
    group by contact_id

),

members_per_canonical_contact as (

    select
        canonical_contact_id,
        count(*) - 1 as merged_contact_count
    from resolved_contacts
    group by canonical_contact_id

),

salt_row as (

    select {{ hash_salt() }} as salt

),

final as (

    select
        -- ids
        resolved_contacts.contact_id,
        resolved_contacts.canonical_contact_id,
        contacts.division_id,

        -- strings
        contacts.contact_type,
        {{ personal('dim_contacts', 'first_name', 'contacts.first_name') }} as first_name,
        {{ personal('dim_contacts', 'middle_name', 'contacts.middle_name') }} as middle_name,
        {{ personal('dim_contacts', 'last_name', 'contacts.last_name') }} as last_name,
        {{ personal('dim_contacts', 'title', 'contacts.title') }} as title,
        {{ personal('dim_contacts', 'emails', 'contacts.emails', 'salt_row.salt') }} as emails,
        {{ personal('dim_contacts', 'phones', 'contacts.phones', 'salt_row.salt') }} as phones,
        {{ personal(
            'dim_contacts', 'external_ids', 'external_ids_per_contact.external_ids', 'salt_row.salt'
        ) }} as external_ids,

        -- numbers
        coalesce(members_per_canonical_contact.merged_contact_count, 0) as merged_contact_count,

        -- booleans
        resolved_contacts.contact_id = resolved_contacts.canonical_contact_id as is_canonical,
        resolved_contacts.is_known,
        coalesce(contacts.is_gone, false) as is_gone,
        contacts.is_survey_opt_out,

        -- timestamps, UTC
        contacts.created_at,
        contacts.modified_at,
        contacts.extracted_at,
        contacts.loaded_at

    from resolved_contacts
    left join contacts
        on resolved_contacts.contact_id = contacts.contact_id
    left join external_ids_per_contact
        on resolved_contacts.contact_id = external_ids_per_contact.contact_id
    left join members_per_canonical_contact
        on resolved_contacts.contact_id = members_per_canonical_contact.canonical_contact_id
    cross join salt_row

)

select * from final
