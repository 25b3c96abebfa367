{{ config(materialized='table') }}

-- Grain: one row per contact id that anything names: a contact's record, a merge, a conversation.
-- Any id leads to one canonical id, whatever the merges say: the one at the end of them, and where
-- they go round in a circle or end in several, the smallest of those.

with

contacts as (

    select * from {{ ref('int_contacts_unioned') }}

),

statements as (

    select * from {{ ref('int_contact_merges_unioned') }}

),

used as (

    select contact_id
    from {{ ref('int_journey_conversations_unioned') }}
    group by contact_id

),

reached as (

    select * from {{ ref('int_contact_merges_reached') }}

),

contacts_in_circles as (

    select contact_id from reached
    where contact_id = reached_contact_id

),

merged_contacts as (

    select contact_id from reached
    group by contact_id

),

ends as (

    select
        reached.contact_id,
        min(
            case
                when merged_contacts.contact_id is null
                    then {{ by_code_point('reached.reached_contact_id') }}
            end
        ) as smallest_end,
        count(
            case when merged_contacts.contact_id is null then 1 end
        ) as end_count,
        min(
            case
                when contacts_in_circles.contact_id is not null
                    then {{ by_code_point('reached.reached_contact_id') }}
            end
        ) as smallest_in_circle
    from reached
    left join merged_contacts
        on reached.reached_contact_id = merged_contacts.contact_id
    left join contacts_in_circles
        on reached.reached_contact_id = contacts_in_circles.contact_id
    group by reached.contact_id

),

every_contact as (

    select contact_id from contacts
    {{ set_operator('union') }}
    select contact_id from statements
    {{ set_operator('union') }}
    select merged_into_contact_id as contact_id from statements
    {{ set_operator('union') }}
    select contact_id from used

),

final as (

    select
        -- ids
        every_contact.contact_id,
        coalesce(ends.smallest_end, ends.smallest_in_circle, every_contact.contact_id)
            as canonical_contact_id,

        -- booleans
        contacts.contact_id is not null as is_known,
        ends.contact_id is not null as is_merged,
        ends.contact_id is not null and ends.smallest_end is null as is_in_circle,
        coalesce(ends.end_count > 1, false) as is_ambiguous

    from every_contact
    left join ends
        on every_contact.contact_id = ends.contact_id
    left join contacts
        on every_contact.contact_id = contacts.contact_id

)

select * from final
