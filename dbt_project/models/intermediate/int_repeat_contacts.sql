-- Grain: one row per inbound conversation of somebody who can be told from others.
-- A view: a later conversation, a merge and time alone change what an earlier one was followed by.

{% set handoff_ms = var('handoff_seconds') * 1000 %}

with

resolved_contacts as (

    select * from {{ ref('int_contact_merges_resolved') }}

),

covered_by_resource as (

    select
        resource,
        max(covered_through) as covered_through
    from {{ ref('int_windows_covered') }}
    where resource in ('conversation_details', 'guides_interactions')
    group by resource

),

conversations as (

    select
        begun.conversation_id,
        coalesce(resolved_contacts.canonical_contact_id, begun.first_external_contact_id)
            as contact_id,
        begun.phone_number,
        begun.started_at,
        begun.served_until,
        {{ later('begun.served_until', var('handoff_seconds'), 'second') }}
            as handed_on_until,
        {{ later('begun.served_until', var('repeat_contact_days'), 'day') }}
            as repeat_until,
        covered_by_resource.covered_through
    from {{ ref('int_conversations_begun') }} as begun
    left join resolved_contacts
        on begun.first_external_contact_id = resolved_contacts.contact_id
    left join covered_by_resource
        on
            covered_by_resource.resource
            = case
                when begun.has_sessions then 'conversation_details'
                else 'guides_interactions'
            end
    where
        begun.originating_direction = 'inbound'
        and begun.started_at is not null
        and (begun.first_external_contact_id is not null or begun.phone_number is not null)

),

people as (

    -- A phone counts where one of the two conversations has no contact.
    select
        *,
        'contact ' || contact_id as person
    from conversations
    where contact_id is not null

    union all

    select
        *,
        'phone ' || phone_number as person
    from conversations
    where phone_number is not null

),

moments as (

    -- From where on the next beginning is looked for: the conversation's own, and its end with the
    -- time within which what follows is a handoff.
    select
        conversation_id,
        contact_id,
        person,
        started_at as moment_at,
        started_at as began_at,
        case when contact_id is null then started_at end as began_without_contact_at
    from people

    union all

    select
        conversation_id,
        contact_id,
        person,
        handed_on_until as moment_at,
        null as began_at,
        null as began_without_contact_at
    from people
    where handed_on_until is not null

),

moments_with_next as (

    select
        conversation_id,
        began_at,
        case
            when person like 'phone %' and contact_id is not null
                then min(began_without_contact_at) over what_follows
            else min(began_at) over what_follows
        end as next_began_at
    from moments
    window what_follows as (
        partition by person
        order by
            moment_at asc,
            case when began_at is null then 2 else 1 end asc,
            {{ by_code_point('conversation_id') }} asc
        rows between 1 following and unbounded following
    )

),

next_per_conversation as (

    select
        conversation_id,
        min(case when began_at is not null then next_began_at end) as next_began_at,
        min(case when began_at is null then next_began_at end) as next_after_handoff_at
    from moments_with_next
    group by conversation_id

),

repeats as (

    select
        conversations.*,
        case
            when
                abs({{ milliseconds_between(
                    'conversations.served_until', 'next_per_conversation.next_began_at'
                ) }}) <= {{ handoff_ms }}
                then next_per_conversation.next_after_handoff_at
            else next_per_conversation.next_began_at
        end as next_contact_at
    from conversations
    inner join next_per_conversation
        on conversations.conversation_id = next_per_conversation.conversation_id

),

final as (

    select
        -- ids
        conversation_id,

        -- booleans; true also while it goes on
        case
            when next_contact_at <= repeat_until then true
            when next_contact_at is not null and served_until is null then true
            when covered_through >= repeat_until then false
        end as is_followed_by_repeat_contact,
        coalesce(covered_through >= repeat_until, false) as is_repeat_window_observed,

        -- timestamps, UTC
        case when repeat_until <= covered_through then repeat_until else covered_through end
            as repeat_observed_through

    from repeats

)

select * from final
