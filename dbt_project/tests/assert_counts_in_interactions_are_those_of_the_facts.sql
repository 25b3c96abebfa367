with

attributes_per_conversation as (

    select
        conversation_id,
        count(*) as attribute_count
    from {{ ref('fct_participant_attributes') }}
    where {{ untested() }}
    group by conversation_id

),

participants_per_conversation as (

    select
        conversation_id,
        count(*) as participant_count
    from {{ ref('dim_participant_attributes') }}
    where {{ untested() }}
    group by conversation_id

),

attempts_per_conversation as (

    select
        conversation_id,
        count(*) as attempt_count,
        count(case when is_success then 1 end) as successful_attempt_count
    from {{ ref('fct_flow_outcome_attempts') }}
    where {{ untested() }}
    group by conversation_id

),

interactions as (

    select * from {{ ref('fct_interactions') }}
    where {{ untested() }}

)

select
    interactions.conversation_id,
    interactions.attribute_count,
    interactions.participant_count,
    interactions.flow_outcome_attempt_count
from interactions
left join attributes_per_conversation
    on interactions.conversation_id = attributes_per_conversation.conversation_id
left join participants_per_conversation
    on interactions.conversation_id = participants_per_conversation.conversation_id
left join attempts_per_conversation
    on interactions.conversation_id = attempts_per_conversation.conversation_id
where
    interactions.attribute_count <> coalesce(attributes_per_conversation.attribute_count, 0)
    or interactions.participant_count
    <> coalesce(participants_per_conversation.participant_count, 0)
    or interactions.flow_outcome_attempt_count
    <> coalesce(attempts_per_conversation.attempt_count, 0)
    or interactions.successful_flow_outcome_attempt_count
    <> coalesce(attempts_per_conversation.successful_attempt_count, 0)
