{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        meta={'conversations': 'int_conversations_unioned'}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per session of an agent or user, with the wait in queue it came from and the leg
-- that handed the conversation over to it.

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
    where participant_purpose in ('agent', 'user')

),

queue_waits as (

    select
        *,
        interact_ms + delay_ms as wait_ms
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
    from legs
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
        legs.queue_id = queue_waits.queue_id
        or (
            (legs.queue_id is null or queue_waits.queue_id is null)
            and (
                legs.peer_id in (queue_waits.session_id, queue_waits.peer_id)
                or queue_waits.peer_id = legs.session_id
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
                legs.conversation_id, ranked_queue_links.queue_session_id, legs.is_answered
            order by legs.answered_at asc nulls last, legs.leg_number asc
        ) as answer_rank
    from legs
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
        {{ milliseconds_between('earlier.connection_ended_at', 'later.handed_over_at') }}
            as ms_after_connection
    from legs_from_queues as later
    inner join legs_from_queues as earlier
        on
            later.conversation_id = earlier.conversation_id
            and later.leg_number > earlier.leg_number
            and later.participant_id <> earlier.participant_id
            and later.handed_over_at >= earlier.answered_at

),

possible_handovers as (

    -- A leg that ended by a blind transfer handed over to what began after it, give or take the
    -- two clocks. While the earlier agent was still connected it was a consultation, which may or
    -- may not have become a transfer.
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
            when earlier_disconnect_type = 'conferenceTransfer' then 'conference'
            else 'consult'
        end as handover
    from pairs
    where
        (ended_by_blind_transfer and ms_after_connection >= -{{ var('queue_link_tolerance_ms') }})
        or (has_consulted and coalesce(ms_after_connection, -1) < 0)

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

final as (

    select
        -- ids
        legs_from_queues.conversation_id,
        legs_from_queues.session_id,
        legs_from_queues.participant_id,
        legs_from_queues.user_id,
        legs_from_queues.leg_queue_id as queue_id,
        legs_from_queues.wrapup_code_id,
        legs_from_queues.queue_session_id,
        ranked_handovers.handed_over_by_session_id,

        -- strings
        legs_from_queues.participant_purpose,
        legs_from_queues.media_type,
        legs_from_queues.direction,
        legs_from_queues.used_routing,
        legs_from_queues.link_confidence,
        legs_from_queues.disconnect_type,
        legs_from_queues.wrapup_note,
        case
            when ranked_handovers.handover is not null then ranked_handovers.handover
            when legs_from_queues.queue_session_id is not null then 'acd'
            when legs_from_queues.direction = 'outbound' then 'outbound'
            else 'direct'
        end as began_as,
        case
            when
                legs_from_queues.is_answered
                and legs_from_queues.connection_ended_at is null
                then null
            when not legs_from_queues.is_answered and legs_from_queues.ended_at is null then null
            when not legs_from_queues.is_answered then 'not_answered'
            when
                legs_from_queues.consult_transfer_count > 0
                or legs_from_queues.disconnect_type = 'consultTransfer'
                then 'consult_transfer'
            when legs_from_queues.disconnect_type = 'conferenceTransfer' then 'conference_transfer'
            when
                legs_from_queues.blind_transfer_count > 0
                or legs_from_queues.disconnect_type = 'transfer'
                then 'blind_transfer'
            when legs_from_queues.disconnect_type in ('client', 'endpoint') then 'agent'
            when legs_from_queues.disconnect_type = 'peer' then 'other_party'
            when legs_from_queues.disconnect_type is null then 'unknown'
            else 'system'
        end as ended_as,

        -- numbers
        cast(legs_from_queues.leg_number as bigint) as leg_number,
        case
            -- Agents who let it ring waited with the customer; only the answer ends the wait.
            when
                legs_from_queues.queue_session_id is not null
                and legs_from_queues.is_answered
                and legs_from_queues.answer_rank = 1
                then legs_from_queues.wait_ms
        end as queue_wait_ms,
        legs_from_queues.alert_ms,
        legs_from_queues.dialing_ms,
        legs_from_queues.interact_ms as talk_ms,
        legs_from_queues.hold_ms,
        legs_from_queues.acw_ms,
        legs_from_queues.genesys_handle_ms,
        legs_from_queues.consult_count,

        -- booleans
        legs_from_queues.is_answered,
        legs_from_queues.is_conference,
        legs_from_queues.has_error,

        -- timestamps, UTC
        legs_from_queues.queue_entered_at,
        legs_from_queues.started_at,
        legs_from_queues.answered_at,
        legs_from_queues.connection_ended_at,
        legs_from_queues.ended_at,
        legs_from_queues.loaded_at

    from legs_from_queues
    left join ranked_handovers
        on
            legs_from_queues.conversation_id = ranked_handovers.conversation_id
            and legs_from_queues.session_id = ranked_handovers.session_id
            and ranked_handovers.handover_rank = 1

)

select * from final
