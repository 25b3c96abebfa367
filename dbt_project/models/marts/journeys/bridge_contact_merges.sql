-- Grain: one row per contact id that anything names, with the canonical id it leads to.

with

resolved_contacts as (

    select * from {{ ref('int_contact_merges_resolved') }}

),

final as (

    select
        -- ids
        contact_id,
        canonical_contact_id,

        -- booleans
        contact_id = canonical_contact_id as is_canonical,
        is_known,
        is_in_circle,
        is_ambiguous

    from resolved_contacts

)

select * from final
