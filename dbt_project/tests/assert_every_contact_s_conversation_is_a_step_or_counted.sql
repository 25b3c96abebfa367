-- Both ways: every conversation of every contact is a step of one canonical contact or is counted
-- as filtered, and no step comes from elsewhere.

with

bridge as (

    select * from {{ ref('bridge_contact_merges') }}

),

conversations as (

    select
        unioned.conversation_id,
        bridge.canonical_contact_id
    from {{ ref('int_journey_conversations_unioned') }} as unioned
    left join bridge
        on unioned.contact_id = bridge.contact_id
    group by unioned.conversation_id, bridge.canonical_contact_id

),

steps as (

    select
        conversation_id,
        canonical_contact_id
    from {{ ref('int_journey_steps_resolved') }}

),

unmatched as (

    select
        conversations.conversation_id,
        steps.canonical_contact_id
    from conversations
    full outer join steps
        on
            conversations.conversation_id = steps.conversation_id
            and conversations.canonical_contact_id = steps.canonical_contact_id
    where conversations.conversation_id is null or steps.conversation_id is null

),

counts as (

    select
        (select count(*) from steps) as every_step_count,
        (select count(*) from {{ ref('fct_journey_steps') }}) as step_count,
        (
            select coalesce(sum(step_count), 0)
            from {{ ref('audit_filtered_conversations') }}
            where not is_kept
        ) as filtered_count

)

select
    unmatched.conversation_id,
    unmatched.canonical_contact_id
from unmatched

union all

select
    'counts differ' as conversation_id,
    null as canonical_contact_id
from counts
where every_step_count <> step_count + filtered_count
