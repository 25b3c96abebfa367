-- Every wait has exactly one end, and a conversation's counts are those of its waits.

with

visits_per_conversation as (

    select
        conversation_id,
        count(*) as offered_count,
        count(case when is_answered then 1 end) as answered_count,
        count(case when is_abandoned then 1 end) as abandoned_count,
        count(case when is_flowed_out then 1 end) as flowed_out_count,
        count(case when is_open then 1 end) as open_count
    from {{ ref('fct_queue_visits') }}
    group by conversation_id

),

interactions as (

    select * from {{ ref('fct_interactions') }}

)

select
    visits_per_conversation.*,
    interactions.answered_queue_count,
    interactions.abandoned_queue_count
from visits_per_conversation
left join interactions
    on visits_per_conversation.conversation_id = interactions.conversation_id
where
    visits_per_conversation.offered_count
    <> visits_per_conversation.answered_count + visits_per_conversation.abandoned_count
    + visits_per_conversation.flowed_out_count + visits_per_conversation.open_count
    or interactions.conversation_id is null
    or visits_per_conversation.answered_count <> interactions.answered_queue_count
    or visits_per_conversation.abandoned_count <> interactions.abandoned_queue_count
    or interactions.is_abandoned <> (visits_per_conversation.abandoned_count > 0)
