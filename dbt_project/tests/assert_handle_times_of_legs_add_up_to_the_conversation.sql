-- Both ways: no conversation without its legs' times, no leg without a conversation.

with

legs_per_conversation as (

    select
        conversation_id,
        count(*) as leg_count,
        sum(talk_seconds) as talk_seconds,
        sum(hold_seconds) as hold_seconds,
        sum(acw_seconds) as acw_seconds,
        sum(handle_seconds) as handle_seconds
    from {{ ref('fct_conversation_legs') }}
    where {{ untested() }}
    group by conversation_id

),

interactions as (

    select * from {{ ref('fct_interactions') }}
    where {{ untested() }}

)

select
    coalesce(interactions.conversation_id, legs_per_conversation.conversation_id)
        as conversation_id,
    interactions.handle_seconds,
    legs_per_conversation.handle_seconds as handle_seconds_of_legs
from interactions
full outer join legs_per_conversation
    on interactions.conversation_id = legs_per_conversation.conversation_id
where
    interactions.conversation_id is null
    or interactions.leg_count <> coalesce(legs_per_conversation.leg_count, 0)
    or interactions.talk_seconds <> coalesce(legs_per_conversation.talk_seconds, 0)
    or interactions.hold_seconds <> coalesce(legs_per_conversation.hold_seconds, 0)
    or interactions.handle_seconds <> coalesce(legs_per_conversation.handle_seconds, 0)
    -- After-call work is also told where legs are not.
    or (
        interactions.leg_count is not null
        and interactions.acw_seconds <> coalesce(legs_per_conversation.acw_seconds, 0)
    )
