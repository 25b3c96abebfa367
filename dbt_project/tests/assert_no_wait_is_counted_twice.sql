-- The waits that legs claim are at most the conversation's, and no wait is claimed by two legs.

with

waits_per_conversation as (

    select
        conversation_id,
        sum(queue_wait_seconds) as queue_wait_seconds,
        count(queue_wait_seconds) as claim_count,
        count(distinct case when queue_wait_seconds is not null then queue_session_id end)
            as wait_count
    from {{ ref('fct_conversation_legs') }}
    where {{ untested() }}
    group by conversation_id

),

interactions as (

    select * from {{ ref('fct_interactions') }}

)

select
    waits_per_conversation.conversation_id,
    waits_per_conversation.queue_wait_seconds,
    interactions.wait_seconds
from waits_per_conversation
inner join interactions
    on waits_per_conversation.conversation_id = interactions.conversation_id
where
    waits_per_conversation.queue_wait_seconds > interactions.wait_seconds
    or waits_per_conversation.claim_count <> waits_per_conversation.wait_count
