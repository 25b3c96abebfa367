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
-- Grain: one row per session, with the times of its segments and the counts of its metrics.
-- Times are whole milliseconds, as Genesys gives them, so sums are exact.

with

sessions as (

    select * from {{ ref('int_sessions_unioned') }}
    where {{ newly_loaded() }}

),

segments as (

    select
        *,
        {{ duration_ms('started_at', 'ended_at') }} as duration_ms,
        segment_type in ('interact', 'hold') as is_connected
    from {{ ref('int_segments_unioned') }}
    where {{ newly_loaded() }}

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
        ) as end_rank
    from segments

),

segments_per_session as (

    -- A segment that is still open has no duration yet and counts as nothing.
    select
        conversation_id,
        session_id,
        count(*) as segment_count,
        min(started_at) as started_at,
        case when count(*) = count(ended_at) then max(ended_at) end as ended_at,
        min(case when is_connected then started_at end) as answered_at,
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
        coalesce({{ boolean_any('is_connected') }}, false) as is_answered,
        coalesce(sum(case when segment_type = 'interact' then duration_ms end), 0) as interact_ms,
        coalesce(sum(case when segment_type = 'hold' then duration_ms end), 0) as hold_ms,
        coalesce(sum(case when segment_type = 'wrapup' then duration_ms end), 0) as acw_ms,
        coalesce(sum(case when segment_type = 'alert' then duration_ms end), 0) as alert_ms,
        coalesce(sum(case when segment_type in ('dialing', 'contacting') then duration_ms end), 0)
            as dialing_ms,
        coalesce(sum(case when segment_type = 'ivr' then duration_ms end), 0) as ivr_ms,
        coalesce(sum(case when segment_type = 'delay' then duration_ms end), 0) as delay_ms,
        max(case when segment_type = 'voicemail' then 1 else 0 end) = 1 as has_voicemail
    from numbered_segments
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
        count(case when metric_name = 'tAbandon' then 1 end) as abandon_count
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
        cast(coalesce(segments_per_session.ivr_ms, 0) as bigint) as ivr_ms,
        cast(coalesce(segments_per_session.delay_ms, 0) as bigint) as delay_ms,
        cast(metrics_per_session.genesys_handle_ms as bigint) as genesys_handle_ms,
        cast(coalesce(metrics_per_session.blind_transfer_count, 0) as bigint)
            as blind_transfer_count,
        cast(coalesce(metrics_per_session.consult_transfer_count, 0) as bigint)
            as consult_transfer_count,
        cast(coalesce(metrics_per_session.consult_count, 0) as bigint) as consult_count,
        cast(coalesce(metrics_per_session.outbound_count, 0) as bigint) as outbound_count,
        cast(coalesce(metrics_per_session.abandon_count, 0) as bigint) as abandon_count,

        -- booleans
        coalesce(segments_per_session.is_answered, false) as is_answered,
        coalesce(segments_per_session.is_conference, false) as is_conference,
        coalesce(segments_per_session.has_error, false) as has_error,
        coalesce(segments_per_session.has_voicemail, false) as has_voicemail,

        -- timestamps, UTC
        segments_per_session.started_at,
        segments_per_session.answered_at,
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
