{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        meta={'conversations': 'int_conversations_unioned'}
    )
}}

-- Grain: one row per conversation, in any channel, finished or not.

with

conversations as (

    -- Where sessions are told, none of something is zero; where totals are, it is unknown.
    select
        *,
        case when has_sessions then 0 end as without_sessions
    from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

participants as (

    select * from {{ ref('int_participants_unioned') }}
    where {{ newly_loaded() }}

),

sessions as (

    select * from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

legs as (

    select * from {{ ref('int_conversation_legs_linked') }}
    where {{ newly_loaded() }}

),

visits as (

    select * from {{ ref('fct_queue_visits') }}
    where {{ newly_loaded() }}

),

attributes as (

    select * from {{ ref('int_participant_attributes_unioned') }}
    where {{ newly_loaded() }}

),

flow_outcomes as (

    select * from {{ ref('int_flow_outcomes_unioned') }}
    where {{ newly_loaded() }}

),

numbered_contacts as (

    select
        *,
        row_number() over (
            partition by
                conversation_id, case when external_contact_id is null then 0 else 1 end
            order by participant_number
        ) as contact_rank
    from participants
    where participant_purpose in ('customer', 'external')

),

customers_per_conversation as (

    select
        conversation_id,
        count(distinct external_contact_id) as external_contact_count,
        max(case when contact_rank = 1 then external_contact_id end) as first_external_contact_id
    from numbered_contacts
    group by conversation_id

),

participants_per_conversation as (

    select
        conversation_id,
        count(*) as participant_count,
        count(case when participant_purpose in ('customer', 'external') then 1 end)
            as customer_count
    from participants
    group by conversation_id

),

numbered_sessions as (

    select
        *,
        row_number() over (
            partition by conversation_id
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as session_rank,
        row_number() over (
            partition by
                conversation_id,
                case when participant_purpose = 'acd' and queue_id is not null then 0 else 1 end
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as queue_rank,
        row_number() over (
            partition by conversation_id, case when flow_id is null then 0 else 1 end
            order by started_at asc nulls last, participant_number asc, session_number asc
        ) as flow_rank
    from sessions

),

sessions_per_conversation as (

    select
        conversation_id,
        count(*) as session_count,
        count(distinct case when participant_purpose = 'acd' then queue_id end) as queue_count,
        max(case when session_rank = 1 then media_type end) as initial_media_type,
        {{ text_list('media_type') }} as media_types,
        max(case when queue_rank = 1 and participant_purpose = 'acd' then queue_id end)
            as first_queue_id,
        max(case when flow_rank = 1 then flow_id end) as first_flow_id,
        sum(case when participant_purpose = 'acd' then interact_ms else 0 end) as wait_ms,
        sum(flow_ms) as ivr_ms,
        sum(voicemail_ms) as voicemail_ms,
        sum(case when participant_purpose in ('agent', 'user') then monitoring_ms else 0 end)
            as monitoring_ms,
        sum(case when participant_purpose in ('agent', 'user') then coaching_ms else 0 end)
            as coaching_ms,
        sum(case when participant_purpose in ('agent', 'user') then barging_ms else 0 end)
            as barging_ms,
        sum(case when participant_purpose in ('agent', 'user') then sharing_ms else 0 end)
            as sharing_ms,
        sum(case when participant_purpose in ('agent', 'user') then genesys_handle_ms end)
            as genesys_handle_ms,
        {{ boolean_any('has_metrics') }} as has_metrics,
        {{ boolean_any('is_conference') }} as is_conference
    from numbered_sessions
    group by conversation_id

),

numbered_legs as (

    select
        *,
        row_number() over (
            partition by conversation_id, is_connected order by leg_number asc
        ) as first_rank,
        row_number() over (
            partition by conversation_id, is_connected order by leg_number desc
        ) as last_rank
    from legs

),

legs_per_conversation as (

    select
        conversation_id,
        count(*) as leg_count,
        sum(talk_ms) as talk_ms,
        sum(hold_ms) as hold_ms,
        sum(acw_ms) as acw_ms,
        sum(dialing_ms) as dialing_ms,
        sum(handle_ms) as handle_ms,
        sum(agent_busy_ms) as agent_busy_ms,
        -- The call of a callback is the same answer a second time.
        count(case when is_connected and callback_session_id is null then 1 end)
            as answered_leg_count,
        count(distinct case when is_connected then user_id end) as agent_count,
        max(case when is_connected and first_rank = 1 then user_id end) as first_user_id,
        max(case when is_connected and last_rank = 1 then user_id end) as last_user_id,
        max(case when is_connected and last_rank = 1 then wrapup_code_id end)
            as last_wrapup_code_id,
        {{ boolean_any('is_answered') }} as is_answered,
        {{ boolean_any('is_connected') }} as is_connected,
        -- Unknown while one of them is still there.
        case
            when
                count(case when is_connected then 1 end)
                = count(case when is_connected then ended_at end)
                then max(case when is_connected then ended_at end)
        end as last_agent_ended_at,
        count(case when ended_as = 'blind_transfer' then 1 end) as blind_transfer_count,
        count(case when ended_as in ('consult_transfer', 'conference_transfer') then 1 end)
            as consult_transfer_count
    from numbered_legs
    group by conversation_id

),

visits_per_conversation as (

    select
        conversation_id,
        count(case when is_answered then 1 end) as answered_queue_count,
        count(case when is_abandoned then 1 end) as abandoned_queue_count,
        {{ boolean_any('is_short_abandon') }} as is_short_abandon
    from visits
    group by conversation_id

),

attributes_per_conversation as (

    select
        conversation_id,
        count(*) as attribute_count
    from attributes
    group by conversation_id

),

outcomes_per_conversation as (

    select
        conversation_id,
        count(*) as flow_outcome_attempt_count,
        count(case when upper(flow_outcome_value) = 'SUCCESS' then 1 end)
            as successful_flow_outcome_attempt_count
    from flow_outcomes
    group by conversation_id

),

final as (

    select
        -- ids
        conversations.conversation_id,
        customers_per_conversation.first_external_contact_id,
        sessions_per_conversation.first_flow_id,
        coalesce(sessions_per_conversation.first_queue_id, conversations.first_queue_id)
            as first_queue_id,
        coalesce(legs_per_conversation.first_user_id, conversations.first_user_id)
            as first_user_id,
        coalesce(legs_per_conversation.last_user_id, conversations.last_user_id) as last_user_id,
        coalesce(legs_per_conversation.last_wrapup_code_id, conversations.wrapup_code_id)
            as last_wrapup_code_id,

        -- strings
        conversations.originating_direction,
        conversations.conversation_initiator,
        conversations.state,
        conversations.interaction_type,
        coalesce(sessions_per_conversation.initial_media_type, conversations.media_type)
            as initial_media_type,
        sessions_per_conversation.media_types,
        conversations.skill_ids,
        conversations.division_ids,
        conversations.external_tag,
        case
            when not conversations.has_sessions then null
            when sessions_per_conversation.has_metrics then 'metrics'
            else 'segments'
        end as counts_source,

        -- numbers
        {{ seconds(duration_ms('conversations.started_at', 'conversations.ended_at')) }}
            as duration_seconds,
        {{ seconds('conversations.genesys_duration_ms') }} as genesys_duration_seconds,
        {{ seconds('coalesce(sessions_per_conversation.wait_ms, conversations.without_sessions)') }}
            as wait_seconds,
        {{ seconds('coalesce(sessions_per_conversation.ivr_ms, conversations.without_sessions)') }}
            as ivr_seconds,
        {{ seconds(
            'coalesce(sessions_per_conversation.voicemail_ms, conversations.without_sessions)'
        ) }} as voicemail_seconds,
        {{ seconds('coalesce(legs_per_conversation.talk_ms, conversations.without_sessions)') }}
            as talk_seconds,
        {{ seconds('coalesce(legs_per_conversation.hold_ms, conversations.without_sessions)') }}
            as hold_seconds,
        {{ seconds(
            'coalesce(legs_per_conversation.acw_ms, conversations.acw_ms,'
            ~ ' conversations.without_sessions)'
        ) }} as acw_seconds,
        {{ seconds(
            'coalesce(legs_per_conversation.dialing_ms, conversations.without_sessions)'
        ) }} as dialing_seconds,
        {{ seconds('coalesce(legs_per_conversation.handle_ms, conversations.without_sessions)') }}
            as handle_seconds,
        {{ seconds(
            'coalesce(legs_per_conversation.agent_busy_ms, conversations.without_sessions)'
        ) }} as agent_busy_seconds,
        {{ seconds(
            'coalesce(sessions_per_conversation.monitoring_ms, conversations.without_sessions)'
        ) }} as monitoring_seconds,
        {{ seconds(
            'coalesce(sessions_per_conversation.coaching_ms, conversations.without_sessions)'
        ) }} as coaching_seconds,
        {{ seconds(
            'coalesce(sessions_per_conversation.barging_ms, conversations.without_sessions)'
        ) }} as barging_seconds,
        {{ seconds(
            'coalesce(sessions_per_conversation.sharing_ms, conversations.without_sessions)'
        ) }} as sharing_seconds,
        {{ seconds('sessions_per_conversation.genesys_handle_ms') }} as genesys_handle_seconds,
        coalesce(participants_per_conversation.participant_count, conversations.without_sessions)
            as participant_count,
        coalesce(participants_per_conversation.customer_count, conversations.without_sessions)
            as customer_count,
        -- Who has no external contact, and whose is not told, look alike in totals.
        coalesce(
            nullif(customers_per_conversation.external_contact_count, 0),
            conversations.without_sessions
        ) as external_contact_count,
        coalesce(sessions_per_conversation.session_count, conversations.without_sessions)
            as session_count,
        coalesce(
            sessions_per_conversation.queue_count,
            conversations.queue_count,
            conversations.without_sessions
        ) as queue_count,
        coalesce(visits_per_conversation.answered_queue_count, conversations.without_sessions)
            as answered_queue_count,
        coalesce(visits_per_conversation.abandoned_queue_count, conversations.without_sessions)
            as abandoned_queue_count,
        coalesce(legs_per_conversation.leg_count, conversations.without_sessions) as leg_count,
        coalesce(legs_per_conversation.answered_leg_count, conversations.without_sessions)
            as answered_leg_count,
        coalesce(
            legs_per_conversation.agent_count,
            conversations.agent_count,
            conversations.without_sessions
        ) as agent_count,
        coalesce(
            legs_per_conversation.blind_transfer_count
            + legs_per_conversation.consult_transfer_count,
            conversations.without_sessions
        ) as transfer_count,
        coalesce(legs_per_conversation.blind_transfer_count, conversations.without_sessions)
            as blind_transfer_count,
        coalesce(legs_per_conversation.consult_transfer_count, conversations.without_sessions)
            as consult_transfer_count,
        coalesce(
            attributes_per_conversation.attribute_count,
            -- Its participants are known, and none has any.
            case when participants_per_conversation.conversation_id is not null then 0 end,
            conversations.without_sessions
        ) as attribute_count,
        coalesce(
            outcomes_per_conversation.flow_outcome_attempt_count, conversations.without_sessions
        ) as flow_outcome_attempt_count,
        coalesce(
            outcomes_per_conversation.successful_flow_outcome_attempt_count,
            conversations.without_sessions
        ) as successful_flow_outcome_attempt_count,
        conversations.min_mos,

        -- booleans
        conversations.is_open,
        case
            when conversations.has_sessions
                then coalesce(legs_per_conversation.is_answered, false)
        end as is_answered,
        case
            when conversations.has_sessions
                then coalesce(legs_per_conversation.is_connected, false)
        end as is_connected,
        case
            when conversations.has_sessions
                then coalesce(visits_per_conversation.abandoned_queue_count, 0) > 0
        end as is_abandoned,
        case
            when sessions_per_conversation.has_metrics
                then coalesce(visits_per_conversation.is_short_abandon, false)
        end as is_short_abandon,
        case
            when conversations.has_sessions
                then
                    conversations.conference_started_at is not null
                    or coalesce(sessions_per_conversation.is_conference, false)
        end as is_conference,
        conversations.is_self_served,

        -- timestamps, UTC
        conversations.started_at,
        conversations.ended_at,
        legs_per_conversation.last_agent_ended_at,
        conversations.loaded_at

    from conversations
    left join participants_per_conversation
        on conversations.conversation_id = participants_per_conversation.conversation_id
    left join customers_per_conversation
        on conversations.conversation_id = customers_per_conversation.conversation_id
    left join sessions_per_conversation
        on conversations.conversation_id = sessions_per_conversation.conversation_id
    left join legs_per_conversation
        on conversations.conversation_id = legs_per_conversation.conversation_id
    left join visits_per_conversation
        on conversations.conversation_id = visits_per_conversation.conversation_id
    left join attributes_per_conversation
        on conversations.conversation_id = attributes_per_conversation.conversation_id
    left join outcomes_per_conversation
        on conversations.conversation_id = outcomes_per_conversation.conversation_id

)

select * from final
