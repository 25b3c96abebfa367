{% set rules = ['report_time_zone', 'business_hours'] %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        post_hook="{{ update_from(
            ref('int_repeat_contacts'), 'conversation_id',
            [
                'is_followed_by_repeat_contact', 'is_repeat_window_observed',
                'repeat_observed_through'
            ]
        ) }}",
        made_of={'conversations': 'int_conversations_unioned', 'rules': rules}
    )
}}

-- depends_on: {{ ref('int_repeat_contacts') }}, {{ ref('business_hours') }}
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

begun as (

    select * from {{ ref('int_conversations_begun') }}
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

    select * from {{ ref('fct_participant_attributes') }}
    where {{ newly_loaded() }}

),

flow_outcomes as (

    select * from {{ ref('int_flow_outcomes_unioned') }}
    where {{ newly_loaded() }}

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

sessions_per_conversation as (

    select
        conversation_id,
        count(*) as session_count,
        count(distinct case when participant_purpose = 'acd' then queue_id end) as queue_count,
        {{ text_list('media_type') }} as media_types,
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
    from sessions
    group by conversation_id

),

numbered_legs as (

    select
        legs.*,
        participants.team_id,
        row_number() over (
            partition by legs.conversation_id, legs.is_connected
            order by legs.leg_number asc
        ) as first_rank,
        row_number() over (
            partition by legs.conversation_id, legs.is_connected
            order by legs.leg_number desc
        ) as last_rank
    from legs
    left join participants
        on
            legs.conversation_id = participants.conversation_id
            and legs.participant_id = participants.participant_id

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
        max(case when is_connected and last_rank = 1 then team_id end) as last_team_id,
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

numbered_visits as (

    select
        *,
        row_number() over (
            partition by conversation_id, case when flow_out_type is null then 0 else 1 end
            order by visit_number desc
        ) as flow_out_rank
    from visits

),

visits_per_conversation as (

    select
        conversation_id,
        max(case when visit_number = 1 then flow_in_type end) as flow_in_type,
        max(case when flow_out_rank = 1 then flow_out_type end) as flow_out_type,
        count(case when is_answered then 1 end) as answered_queue_count,
        count(case when is_abandoned then 1 end) as abandoned_queue_count,
        {{ boolean_any('is_short_abandon') }} as is_short_abandon
    from numbered_visits
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
        begun.first_external_contact_id,
        begun.first_flow_id,
        begun.first_queue_id,
        coalesce(legs_per_conversation.first_user_id, conversations.first_user_id)
            as first_user_id,
        coalesce(legs_per_conversation.last_user_id, conversations.last_user_id) as last_user_id,
        coalesce(legs_per_conversation.last_wrapup_code_id, conversations.wrapup_code_id)
            as last_wrapup_code_id,
        legs_per_conversation.last_team_id,
        begun.outbound_campaign_id,
        begun.outbound_contact_list_id,
        begun.skill_ids,
        begun.language_id,
        conversations.associated_conversation_id,
        conversations.consultation_conversation_ids,

        -- strings
        conversations.originating_direction,
        conversations.conversation_initiator,
        conversations.state,
        conversations.interaction_type,
        begun.initial_media_type,
        sessions_per_conversation.media_types,
        begun.message_type,
        begun.provider,
        {{ personal('fct_interactions', 'ani', 'begun.ani') }} as ani,
        -- Of a call that we made it is the customer's.
        case when begun.customer_direction = 'inbound' then begun.dnis end as dnis,
        begun.disposition_name,
        visits_per_conversation.flow_in_type,
        visits_per_conversation.flow_out_type,
        begun.disconnect_type,
        conversations.division_ids,
        conversations.external_tag,
        case
            when not conversations.has_sessions then null
            when sessions_per_conversation.has_metrics then 'metrics'
            else 'segments'
        end as counts_source,
        cast('{{ rules_version(rules) }}' as {{ dbt.type_string() }}) as rules_version,

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
        begun.external_contact_count,
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
        begun.is_in_business_hours,
        -- What comes later tells: these and the time are set once the table is built.
        cast(null as boolean) as is_followed_by_repeat_contact,
        cast(null as boolean) as is_repeat_window_observed,

        -- dates
        {{ local_date('conversations.started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        conversations.started_at,
        conversations.ended_at,
        legs_per_conversation.last_agent_ended_at,
        cast(null as timestamp) as repeat_observed_through,
        conversations.loaded_at

    from conversations
    left join participants_per_conversation
        on conversations.conversation_id = participants_per_conversation.conversation_id
    inner join begun
        on conversations.conversation_id = begun.conversation_id
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
