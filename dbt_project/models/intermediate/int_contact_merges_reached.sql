{{
    config(
        materialized='closure',
        made_of={'pair': ['contact_id', 'reached_contact_id']}
    )
}}

-- Grain: one row per merged contact and contact that merges lead to from it, by whichever way and
-- over however many others.

with

contacts as (

    select * from {{ ref('int_contacts_unioned') }}

),

statements as (

    select * from {{ ref('int_contact_merges_unioned') }}

),

newest_word_on_contacts as (

    -- A contact's own record speaks of it even when it names no merge: one that was undone. The
    -- record of a contact that is gone goes on naming members of a tree that has changed since.
    select
        contact_id,
        max(stated_at) as stated_at
    from (
        select
            contact_id,
            stated_at
        from contacts
        union all
        select
            contact_id,
            stated_at
        from statements
    ) as words
    group by contact_id

),

final as (

    select
        statements.contact_id,
        statements.merged_into_contact_id as reached_contact_id
    from statements
    inner join newest_word_on_contacts
        on
            statements.contact_id = newest_word_on_contacts.contact_id
            and statements.stated_at = newest_word_on_contacts.stated_at

)

select * from final
