{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned'}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per session in which an agent or user handled the conversation, was asked to or
-- barged in, with the wait in queue it came from and the leg that handed the conversation over.

with

sessions as (

    select * from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

legs as (

    select
        *,
        row_number() over (
            partition by conversation_id
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as leg_number
    from sessions
    where is_leg

),

callbacks as (

    -- The call that an agent makes for a callback is a session of its own beside the callback's.
    select
        calls.conversation_id,
        calls.session_id,
        callback_legs.session_id as callback_session_id,
        row_number() over (
            partition by calls.conversation_id, calls.session_id
            order by callback_legs.leg_number desc
        ) as callback_rank
    from legs as calls
    inner join legs as callback_legs
        on
            calls.conversation_id = callback_legs.conversation_id
            and calls.media_type <> 'callback'
            and calls.direction = 'outbound'
            and callback_legs.media_type = 'callback'
            and (
                calls.participant_id = callback_legs.participant_id
                or calls.user_id = callback_legs.user_id
            )
            and calls.started_at >= callback_legs.started_at
            and (
                callback_legs.ended_at is null or calls.started_at <= callback_legs.ended_at
            )

),

legs_with_callbacks as (

    select
        legs.*,
        callbacks.callback_session_id
    from legs
    left join callbacks
        on
            legs.conversation_id = callbacks.conversation_id
            and legs.session_id = callbacks.session_id
            and callbacks.callback_rank = 1

),

queue_waits as (

    select
        *,
        interact_ms as wait_ms
    from sessions
    where participant_purpose = 'acd'

),

possible_queue_links as (

    -- A wait can have led to a leg when it was on as the leg began, give or take the two clocks.
    -- Sessions that are peers of each other, or of the same customer session, are the better
    -- evidence; without them the queue has to be the same.
    select
        legs.conversation_id,
        legs.session_id,
        queue_waits.session_id as queue_session_id,
        queue_waits.queue_id,
        queue_waits.started_at as queue_entered_at,
        queue_waits.wait_ms,
        case
            when
                legs.peer_id in (queue_waits.session_id, queue_waits.peer_id)
                or queue_waits.peer_id = legs.session_id
                then 'peer'
            else 'queue_and_time'
        end as link_confidence,
        queue_waits.participant_number,
        queue_waits.session_number
    from legs_with_callbacks as legs
    inner join queue_waits
        on
            legs.conversation_id = queue_waits.conversation_id
            and {{ milliseconds_between('queue_waits.started_at', 'legs.started_at') }}
            >= -{{ var('queue_link_tolerance_ms') }}
            and (
                queue_waits.ended_at is null
                or {{ milliseconds_between('queue_waits.ended_at', 'legs.started_at') }}
                <= {{ var('queue_link_tolerance_ms') }}
            )
    where
        legs.callback_session_id is null
        and not coalesce(legs.is_barge_in, false)
        and (
            legs.queue_id = queue_waits.queue_id
            or (
                (legs.queue_id is null or queue_waits.queue_id is null)
                and (
                    legs.peer_id in (queue_waits.session_id, queue_waits.peer_id)
                    or queue_waits.peer_id = legs.session_id
                )
            )
        )

),

ranked_queue_links as (

    select
        *,
        row_number() over (
            partition by conversation_id, session_id
            order by
                case link_confidence when 'peer' then 1 else 2 end asc,
                queue_entered_at desc,
                participant_number desc,
                session_number desc
        ) as link_rank
    from possible_queue_links

),

legs_from_queues as (

    select
        legs.*,
        ranked_queue_links.queue_session_id,
        ranked_queue_links.link_confidence,
        ranked_queue_links.queue_entered_at,
        ranked_queue_links.wait_ms,
        coalesce(legs.queue_id, ranked_queue_links.queue_id) as leg_queue_id,
        coalesce(ranked_queue_links.queue_entered_at, legs.started_at) as handed_over_at,
        legs.connection_ended_at is not null
        and (
            legs.blind_transfer_count > 0
            or (
                coalesce(legs.disconnect_type, '') = 'transfer' and legs.consult_transfer_count = 0
            )
        ) as ended_by_blind_transfer,
        legs.consult_count > 0
        or legs.consult_transfer_count > 0
        or coalesce(legs.disconnect_type, '') in ('consultTransfer', 'conferenceTransfer')
            as has_consulted,
        row_number() over (
            partition by
                legs.conversation_id, ranked_queue_links.queue_session_id, legs.is_connected
            order by
                case when legs.answer_count > 0 then 1 else 2 end asc,
                legs.connected_at asc nulls last,
                legs.leg_number asc
        ) as answer_rank
    from legs_with_callbacks as legs
    left join ranked_queue_links
        on
            legs.conversation_id = ranked_queue_links.conversation_id
            and legs.session_id = ranked_queue_links.session_id
            and ranked_queue_links.link_rank = 1

),

pairs as (

    select
        later.conversation_id,
        later.session_id,
        earlier.session_id as earlier_session_id,
        earlier.leg_number as earlier_leg_number,
        earlier.disconnect_type as earlier_disconnect_type,
        earlier.ended_by_blind_transfer,
        earlier.has_consulted,
        earlier.consult_transfer_count,
        coalesce(earlier.is_conference and later.is_conference, false) as is_conference,
        {{ milliseconds_between('earlier.connection_ended_at', 'later.handed_over_at') }}
            as ms_after_connection
    from legs_from_queues as later
    inner join legs_from_queues as earlier
        on
            later.conversation_id = earlier.conversation_id
            and later.leg_number > earlier.leg_number
            and later.participant_id <> earlier.participant_id
            and later.handed_over_at >= earlier.connected_at
    where
        not coalesce(later.is_barge_in, false)
        and not coalesce(earlier.is_barge_in, false)

),

possible_handovers as (

    -- A leg that ended by a blind transfer handed over to what began after it, give or take the
    -- two clocks. While the earlier agent was still connected it was a consultation, which may have
    -- become a transfer or, where both were in it, a conference, whoever left that first.
    select
        conversation_id,
        session_id,
        earlier_session_id as handed_over_by_session_id,
        earlier_leg_number,
        case
            when
                ended_by_blind_transfer
                and ms_after_connection >= -{{ var('queue_link_tolerance_ms') }}
                then 'blind_transfer'
            when consult_transfer_count > 0 or earlier_disconnect_type = 'consultTransfer'
                then 'consult_transfer'
            when is_conference or earlier_disconnect_type = 'conferenceTransfer' then 'conference'
            else 'consult'
        end as handover
    from pairs
    where
        (ended_by_blind_transfer and ms_after_connection >= -{{ var('queue_link_tolerance_ms') }})
        or ((has_consulted or is_conference) and coalesce(ms_after_connection, -1) < 0)

),

ranked_handovers as (

    select
        *,
        row_number() over (
            partition by conversation_id, session_id
            order by
                case handover when 'blind_transfer' then 2 else 1 end asc,
                earlier_leg_number desc
        ) as handover_rank
    from possible_handovers

),

answered_legs as (

    -- Accepted out of a queue, which the record says; where it carries no metrics at all, the first
    -- who was connected out of a wait.
    select
        *,
        case
            when has_metrics then answer_count > 0
            else is_connected and queue_session_id is not null and answer_rank = 1
        end as is_answered
    from legs_from_queues

),

final as (

    select
        -- ids
        answered_legs.conversation_id,
        answered_legs.session_id,
        answered_legs.participant_id,
        answered_legs.user_id,
        answered_legs.leg_queue_id as queue_id,
        answered_legs.wrapup_code_id,
        answered_legs.queue_session_id,
        answered_legs.callback_session_id,
        ranked_handovers.handed_over_by_session_id,

        -- strings
        answered_legs.participant_purpose,
        answered_legs.media_type,
        answered_legs.direction,
        answered_legs.used_routing,
        answered_legs.link_confidence,
        answered_legs.disconnect_type,
        answered_legs.wrapup_note,
        case
            when answered_legs.is_barge_in then 'barge_in'
            when ranked_handovers.handover is not null then ranked_handovers.handover
            when answered_legs.queue_session_id is not null then 'acd'
            when answered_legs.direction = 'outbound' then 'outbound'
            else 'direct'
        end as began_as,
        case
            when
                answered_legs.is_connected
                and answered_legs.connection_ended_at is null
                then null
            when not answered_legs.is_connected and answered_legs.ended_at is null then null
            when not answered_legs.is_connected then 'not_answered'
            when
                answered_legs.consult_transfer_count > 0
                or answered_legs.disconnect_type = 'consultTransfer'
                then 'consult_transfer'
            when answered_legs.disconnect_type = 'conferenceTransfer' then 'conference_transfer'
            when
                answered_legs.blind_transfer_count > 0
                or answered_legs.disconnect_type = 'transfer'
                then 'blind_transfer'
            when answered_legs.disconnect_type in ('client', 'endpoint') then 'agent'
            when answered_legs.disconnect_type = 'peer' then 'other_party'
            when answered_legs.disconnect_type is null then 'unknown'
            else 'system'
        end as ended_as,

        -- numbers
        cast(answered_legs.leg_number as bigint) as leg_number,
        case
            -- Agents who let it ring waited with the customer; only the answer ends the wait.
            when
                answered_legs.queue_session_id is not null
                and answered_legs.is_answered
                and answered_legs.answer_rank = 1
                then answered_legs.wait_ms
        end as queue_wait_ms,
        answered_legs.alert_ms,
        answered_legs.dialing_ms,
        answered_legs.interact_ms as talk_ms,
        answered_legs.hold_ms,
        answered_legs.acw_ms,
        answered_legs.handle_ms,
        answered_legs.genesys_handle_ms,
        answered_legs.agent_busy_ms,
        answered_legs.barging_ms,
        answered_legs.consult_count,

        -- booleans
        answered_legs.is_answered,
        answered_legs.is_connected,
        answered_legs.is_conference,
        answered_legs.has_error,

        -- timestamps, UTC
        answered_legs.queue_entered_at,
        answered_legs.started_at,
        answered_legs.connected_at,
        case when answered_legs.is_answered then answered_legs.connected_at end
            as answered_at,
        answered_legs.connection_ended_at,
        answered_legs.ended_at,
        answered_legs.loaded_at

    from answered_legs
    left join ranked_handovers
        on
            answered_legs.conversation_id = ranked_handovers.conversation_id
            and answered_legs.session_id = ranked_handovers.session_id
            and ranked_handovers.handover_rank = 1

)

select * from final
