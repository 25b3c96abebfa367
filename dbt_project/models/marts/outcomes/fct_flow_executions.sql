{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned', 'rules': ['report_time_zone']}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per run of a flow, which is one session that has a flow.

with

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

sessions as (

    select * from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

flows as (

    -- Those that a customer meets before anybody else. Others run while somebody waits, after an
    -- agent or without a customer.
    select
        *,
        flow_type in (
            'INBOUNDCALL', 'INBOUNDCHAT', 'INBOUNDEMAIL', 'INBOUNDSHORTMESSAGE', 'SECURECALL',
            'BOT', 'DIGITALBOT'
        ) as is_self_service
    from {{ ref('int_sessions_unioned') }}
    where
        (flow_id is not null or flow_type is not null)
        and {{ newly_loaded() }}

),

attempts_per_session as (

    select
        conversation_id,
        session_id,
        count(*) as outcome_attempt_count,
        count(case when upper(flow_outcome_value) = 'SUCCESS' then 1 end)
            as successful_outcome_attempt_count
    from {{ ref('int_flow_outcomes_unioned') }}
    where {{ newly_loaded() }}
    group by conversation_id, session_id

),

metrics_per_session as (

    select
        conversation_id,
        session_id,
        sum(metric_value) as genesys_flow_ms
    from {{ ref('int_session_metrics_unioned') }}
    where
        metric_name = 'tFlow'
        and {{ newly_loaded() }}
    group by conversation_id, session_id

),

conversations_with_people as (

    select
        conversation_id,
        max(
            case
                when participant_purpose = 'acd' or has_voicemail or (is_leg and is_connected)
                    then 1
                else 0
            end
        ) = 1 as is_for_people
    from sessions
    group by conversation_id

),

runs as (

    select
        flows.*,
        sessions.started_at,
        sessions.ended_at,
        sessions.disconnect_type,
        conversations.is_open,
        conversations_with_people.is_for_people,
        coalesce(attempts_per_session.outcome_attempt_count, 0) as outcome_attempt_count,
        coalesce(attempts_per_session.successful_outcome_attempt_count, 0)
            as successful_outcome_attempt_count,
        metrics_per_session.genesys_flow_ms,
        row_number() over (
            partition by flows.conversation_id
            order by
                sessions.started_at asc nulls last,
                flows.participant_number asc,
                flows.session_number asc
        ) as run_number,
        row_number() over (
            partition by flows.conversation_id, coalesce(flows.is_self_service, false)
            order by
                sessions.started_at asc nulls last,
                flows.participant_number asc,
                flows.session_number asc
        ) as run_number_of_kind,
        case
            when flows.flow_exit_reason = 'TRANSFER'
                then
                    case
                        -- Before the transfer came about.
                        when sessions.disconnect_type in ('peer', 'endpoint', 'client')
                            then 'customer'
                        when flows.flow_transfer_type in ('FLOW', 'SECURE_FLOW') then 'next_flow'
                        else 'transferred'
                    end
            when
                flows.flow_exit_reason like 'FLOW_ERROR%'
                or flows.flow_exit_reason like 'RECOGNITION_FAILURE%'
                then 'error'
            when flows.flow_exit_reason in ('FLOW_DISCONNECT', 'FLOW_EXIT') then 'flow'
            when flows.flow_exit_reason in ('DISCONNECT', 'USER_EXIT') then 'customer'
            when flows.flow_exit_reason = 'SESSION_EXPIRE_DISCONNECT' then 'expired'
            when flows.flow_exit_reason is not null then 'other'
            when sessions.ended_at is null then null
            when sessions.disconnect_type = 'transfer' then 'transferred'
            else 'unknown'
        end as ended_as
    from flows
    inner join sessions
        on
            flows.conversation_id = sessions.conversation_id
            and flows.session_id = sessions.session_id
    inner join conversations
        on flows.conversation_id = conversations.conversation_id
    inner join conversations_with_people
        on flows.conversation_id = conversations_with_people.conversation_id
    left join attempts_per_session
        on
            flows.conversation_id = attempts_per_session.conversation_id
            and flows.session_id = attempts_per_session.session_id
    left join metrics_per_session
        on
            flows.conversation_id = metrics_per_session.conversation_id
            and flows.session_id = metrics_per_session.session_id

),

final as (

    select
        -- ids
        conversation_id,
        session_id,
        participant_id,
        flow_id,
        -- Numbers and addresses of others are not shown.
        case
            when
                flow_transfer_type not in ('NUMBER', 'UNKNOWN')
                and flow_transfer_target_address not like '%:%'
                and flow_transfer_target_address not like '%@%'
                then flow_transfer_target_address
        end as transfer_target_id,

        -- strings
        participant_purpose,
        media_type,
        direction,
        flow_type,
        flow_version,
        flow_entry_type as entry_type,
        {{ personal('fct_flow_executions', 'entry_reason', 'flow_entry_reason') }} as entry_reason,
        flow_exit_reason as exit_reason,
        ended_as,
        flow_transfer_type as transfer_type,
        {{ personal(
            'fct_flow_executions', 'transfer_target_name', 'flow_transfer_target_name'
        ) }} as transfer_target_name,
        flow_starting_language as starting_language,
        flow_ending_language as ending_language,
        flow_recognition_failure_reason as recognition_failure_reason,
        disconnect_type,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        cast(run_number as bigint) as run_number,
        cast(outcome_attempt_count as bigint) as outcome_attempt_count,
        cast(successful_outcome_attempt_count as bigint) as successful_outcome_attempt_count,
        {{ seconds(duration_ms('started_at', 'ended_at')) }} as duration_seconds,
        {{ seconds('genesys_flow_ms') }} as genesys_flow_seconds,

        -- booleans
        coalesce(is_self_service, false) as is_self_service,
        coalesce(is_self_service, false) and run_number_of_kind = 1 as is_entry_run,
        coalesce(is_callback_issued, false) as is_callback_issued,
        case
            when is_self_service is null or not is_self_service then null
            when is_for_people or is_callback_issued or ended_as in ('transferred', 'error')
                then false
            -- Somebody may still be reached.
            when is_open or ended_as is null then null
            else true
        end as is_contained,
        ended_as is null as is_open,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        started_at,
        ended_at,
        loaded_at

    from runs

)

-- Where they stand together, what they have in common takes no room.
select * from final
order by loaded_at, conversation_id, session_id
