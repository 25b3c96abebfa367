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
-- Grain: one row per session, with the times of its segments and the counts of its metrics.
-- Times are whole milliseconds, as Genesys gives them, so sums are exact.

with

sessions as (

    select
        *,
        coalesce(participant_purpose in ('agent', 'user'), false) as is_agent,
        -- Shown beside the call; no talk of its own.
        coalesce(media_type in ('cobrowse', 'screenshare', 'screenmonitoring'), false)
            as is_screen
    from {{ ref('int_sessions_unioned') }}
    where {{ newly_loaded() }}

),

unplaced_segments as (

    select * from {{ ref('int_segments_unioned') }}
    where {{ newly_loaded() }}

),

segments as (

    -- busy_with: whom or what it kept busy, where Genesys counts that.
    select
        unplaced_segments.*,
        {{ duration_ms('unplaced_segments.started_at', 'unplaced_segments.ended_at') }}
            as duration_ms,
        unplaced_segments.segment_type in ('interact', 'hold', 'barging') as is_connected,
        case
            when
                unplaced_segments.segment_type = 'ivr'
                or (
                    unplaced_segments.segment_type = 'interact'
                    and sessions.participant_purpose in ('ivr', 'botflow')
                )
                then 'flow'
            when
                sessions.is_agent
                and not sessions.is_screen
                and (
                    unplaced_segments.segment_type in ('interact', 'hold', 'wrapup')
                    or (
                        unplaced_segments.segment_type in ('dialing', 'contacting')
                        and sessions.direction = 'outbound'
                    )
                )
                then 'agent ' || coalesce(sessions.user_id, sessions.participant_id)
        end as busy_with
    from unplaced_segments
    inner join sessions
        on
            unplaced_segments.conversation_id = sessions.conversation_id
            and unplaced_segments.session_id = sessions.session_id

),

metrics as (

    select * from {{ ref('int_session_metrics_unioned') }}
    where {{ newly_loaded() }}

),

numbered_segments as (

    select
        *,
        row_number() over (
            partition by
                conversation_id, session_id, case when queue_id is null then 0 else 1 end
            order by started_at asc nulls last, segment_number asc
        ) as queue_rank,
        row_number() over (
            partition by
                conversation_id, session_id, case when wrapup_code_id is null then 0 else 1 end
            order by started_at desc nulls last, segment_number desc
        ) as wrapup_rank,
        row_number() over (
            partition by
                conversation_id, session_id, case when segment_type = 'wrapup' then 0 else 1 end
            order by ended_at desc nulls first, segment_number desc
        ) as end_rank,
        max(ended_at) over (
            partition by conversation_id, busy_with
            order by started_at asc nulls last, session_id asc, segment_number asc
            rows between unbounded preceding and 1 preceding
        ) as busy_until
    from segments

),

measured_segments as (

    -- busy_ms: without what an earlier segment already counts: a bot inside a running flow, the
    -- call that a callback makes.
    select
        *,
        case
            when busy_with is null or duration_ms is null then 0
            when busy_until is null or busy_until <= started_at then duration_ms
            when ended_at > busy_until then {{ milliseconds_between('busy_until', 'ended_at') }}
            else 0
        end as busy_ms
    from numbered_segments

),

segments_per_session as (

    -- A segment that is still open has no duration yet and counts as nothing.
    select
        conversation_id,
        session_id,
        count(*) as segment_count,
        min(started_at) as started_at,
        case when count(*) = count(ended_at) then max(ended_at) end as ended_at,
        min(case when is_connected then started_at end) as connected_at,
        case
            when
                count(case when is_connected then 1 end)
                = count(case when is_connected then ended_at end)
                then max(case when is_connected then ended_at end)
        end as connection_ended_at,
        max(case when queue_rank = 1 then queue_id end) as queue_id,
        max(case when wrapup_rank = 1 then wrapup_code_id end) as wrapup_code_id,
        max(case when wrapup_rank = 1 and wrapup_code_id is not null then wrapup_note end)
            as wrapup_note,
        max(
            case when end_rank = 1 and segment_type <> 'wrapup' then disconnect_type end
        ) as disconnect_type,
        max(case when error_code is not null then 1 else 0 end) = 1 as has_error,
        coalesce({{ boolean_any('is_conference') }}, false) as is_conference,
        coalesce({{ boolean_any('is_connected') }}, false) as is_connected,
        coalesce(sum(case when segment_type = 'interact' then duration_ms end), 0) as interact_ms,
        coalesce(sum(case when segment_type = 'hold' then duration_ms end), 0) as hold_ms,
        coalesce(sum(case when segment_type = 'wrapup' then duration_ms end), 0) as acw_ms,
        coalesce(sum(case when segment_type = 'alert' then duration_ms end), 0) as alert_ms,
        coalesce(sum(case when segment_type in ('dialing', 'contacting') then duration_ms end), 0)
            as dialing_ms,
        coalesce(sum(case when segment_type = 'monitoring' then duration_ms end), 0)
            as monitoring_ms,
        coalesce(sum(case when segment_type = 'coaching' then duration_ms end), 0) as coaching_ms,
        coalesce(sum(case when segment_type = 'barging' then duration_ms end), 0) as barging_ms,
        coalesce(sum(case when segment_type = 'sharing' then duration_ms end), 0) as sharing_ms,
        coalesce(sum(case when segment_type = 'voicemail' then duration_ms end), 0)
            as voicemail_ms,
        coalesce(sum(case when busy_with = 'flow' then busy_ms end), 0) as flow_ms,
        coalesce(sum(case when busy_with <> 'flow' then duration_ms end), 0) as handle_ms,
        coalesce(sum(case when busy_with <> 'flow' then busy_ms end), 0) as agent_busy_ms,
        max(case when segment_type in ('interact', 'hold') then 1 else 0 end) = 1 as has_talked,
        max(case when segment_type = 'barging' then 1 else 0 end) = 1 as has_barged,
        max(case when segment_type in ('monitoring', 'coaching', 'sharing') then 1 else 0 end) = 1
            as has_supervised,
        max(case when segment_type = 'voicemail' then 1 else 0 end) = 1 as has_voicemail
    from measured_segments
    group by conversation_id, session_id

),

metrics_per_session as (

    select
        conversation_id,
        session_id,
        sum(case when metric_name = 'tHandle' then metric_value end) as genesys_handle_ms,
        sum(case when metric_name = 'nBlindTransferred' then metric_value end)
            as blind_transfer_count,
        sum(case when metric_name = 'nConsultTransferred' then metric_value end)
            as consult_transfer_count,
        sum(case when metric_name = 'nConsult' then metric_value end) as consult_count,
        sum(case when metric_name = 'nOutbound' then metric_value end) as outbound_count,
        count(*) as metric_count,
        count(case when metric_name = 'tAnswered' then 1 end) as answer_count,
        count(case when metric_name = 'tAbandon' then 1 end) as abandon_count,
        count(case when metric_name = 'tShortAbandon' then 1 end) as short_abandon_count,
        count(case when metric_name = 'tFlowOut' then 1 end) as flow_out_count
    from metrics
    group by conversation_id, session_id

),

final as (

    select
        -- ids
        sessions.conversation_id,
        sessions.session_id,
        sessions.participant_id,
        sessions.peer_id,
        sessions.user_id,
        sessions.flow_id,
        segments_per_session.queue_id,
        segments_per_session.wrapup_code_id,

        -- strings
        sessions.participant_purpose,
        sessions.media_type,
        sessions.direction,
        sessions.used_routing,
        sessions.flow_in_type,
        sessions.flow_out_type,
        segments_per_session.disconnect_type,
        segments_per_session.wrapup_note,

        -- numbers
        sessions.participant_number,
        sessions.session_number,
        cast(coalesce(segments_per_session.segment_count, 0) as bigint) as segment_count,
        cast(coalesce(segments_per_session.interact_ms, 0) as bigint) as interact_ms,
        cast(coalesce(segments_per_session.hold_ms, 0) as bigint) as hold_ms,
        cast(coalesce(segments_per_session.acw_ms, 0) as bigint) as acw_ms,
        cast(coalesce(segments_per_session.alert_ms, 0) as bigint) as alert_ms,
        cast(coalesce(segments_per_session.dialing_ms, 0) as bigint) as dialing_ms,
        cast(coalesce(segments_per_session.flow_ms, 0) as bigint) as flow_ms,
        cast(coalesce(segments_per_session.handle_ms, 0) as bigint) as handle_ms,
        cast(coalesce(segments_per_session.agent_busy_ms, 0) as bigint) as agent_busy_ms,
        cast(
            coalesce(segments_per_session.monitoring_ms, 0)
            + case
                when sessions.media_type = 'screenmonitoring'
                    then coalesce(segments_per_session.interact_ms, 0)
                else 0
            end as bigint
        ) as monitoring_ms,
        cast(coalesce(segments_per_session.coaching_ms, 0) as bigint) as coaching_ms,
        cast(coalesce(segments_per_session.barging_ms, 0) as bigint) as barging_ms,
        cast(
            coalesce(segments_per_session.sharing_ms, 0)
            + case
                when sessions.media_type in ('cobrowse', 'screenshare')
                    then coalesce(segments_per_session.interact_ms, 0)
                else 0
            end as bigint
        ) as sharing_ms,
        cast(
            coalesce(segments_per_session.voicemail_ms, 0)
            + case
                when sessions.participant_purpose = 'voicemail'
                    then coalesce(segments_per_session.interact_ms, 0)
                else 0
            end as bigint
        ) as voicemail_ms,
        cast(metrics_per_session.genesys_handle_ms as bigint) as genesys_handle_ms,
        cast(coalesce(metrics_per_session.blind_transfer_count, 0) as bigint)
            as blind_transfer_count,
        cast(coalesce(metrics_per_session.consult_transfer_count, 0) as bigint)
            as consult_transfer_count,
        cast(coalesce(metrics_per_session.consult_count, 0) as bigint) as consult_count,
        cast(coalesce(metrics_per_session.outbound_count, 0) as bigint) as outbound_count,
        cast(coalesce(metrics_per_session.answer_count, 0) as bigint) as answer_count,
        cast(coalesce(metrics_per_session.abandon_count, 0) as bigint) as abandon_count,
        cast(coalesce(metrics_per_session.short_abandon_count, 0) as bigint)
            as short_abandon_count,
        cast(coalesce(metrics_per_session.flow_out_count, 0) as bigint) as flow_out_count,

        -- booleans
        coalesce(
            sum(metrics_per_session.metric_count) over (partition by sessions.conversation_id), 0
        ) > 0 as has_metrics,
        -- Who only listens or looks on has no leg; who barges in has spoken.
        sessions.is_agent
        and not sessions.is_screen
        and not (
            coalesce(segments_per_session.has_supervised, false)
            and not coalesce(segments_per_session.is_connected, false)
        ) as is_leg,
        coalesce(segments_per_session.has_barged and not segments_per_session.has_talked, false)
            as is_barge_in,
        coalesce(segments_per_session.is_connected, false) as is_connected,
        coalesce(segments_per_session.is_conference, false) as is_conference,
        coalesce(segments_per_session.has_error, false) as has_error,
        coalesce(segments_per_session.has_voicemail, false)
        or coalesce(sessions.participant_purpose = 'voicemail', false) as has_voicemail,

        -- timestamps, UTC
        segments_per_session.started_at,
        segments_per_session.connected_at,
        segments_per_session.connection_ended_at,
        segments_per_session.ended_at,
        sessions.loaded_at

    from sessions
    left join segments_per_session
        on
            sessions.conversation_id = segments_per_session.conversation_id
            and sessions.session_id = segments_per_session.session_id
    left join metrics_per_session
        on
            sessions.conversation_id = metrics_per_session.conversation_id
            and sessions.session_id = metrics_per_session.session_id

)

select * from final
