-- Grain: one row per contact, the contact it went into, and the contact whose record says so.
-- A merge is told up to five times: by both contacts' mergedTo and mergedFrom, by
-- canonicalContact, and by mergeSet of every member, also of those that are gone.

with

contacts as (

    select * from {{ ref('stg_platform__external_contacts') }}

),

statements as (

    select
        contact_id,
        merged_to_contact_id as merged_into_contact_id,
        contact_id as stated_by_contact_id,
        scanned_at as stated_at,
        loaded_at
    from contacts

    union all

    select
        contact_id,
        canonical_contact_id as merged_into_contact_id,
        contact_id as stated_by_contact_id,
        scanned_at as stated_at,
        loaded_at
    from contacts

    union all

    select
        {{ json_text('merged.value', 'id') }} as contact_id,
        contacts.contact_id as merged_into_contact_id,
        contacts.contact_id as stated_by_contact_id,
        contacts.scanned_at as stated_at,
        contacts.loaded_at
    from {{ json_array_elements('contacts', 'contacts.merged_sources_json', 'merged') }}

    union all

    select
        {{ json_text('member.value', 'id') }} as contact_id,
        contacts.canonical_contact_id as merged_into_contact_id,
        contacts.contact_id as stated_by_contact_id,
        contacts.scanned_at as stated_at,
        contacts.loaded_at
    from {{ json_array_elements('contacts', 'contacts.merge_set_json', 'member') }}

),

final as (

    select
        contact_id,
        merged_into_contact_id,
        stated_by_contact_id,
        stated_at,
        loaded_at
    from statements
    where contact_id <> merged_into_contact_id
    group by
        contact_id, merged_into_contact_id, stated_by_contact_id, stated_at, loaded_at

)

select * from final
