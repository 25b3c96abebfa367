{{ config(materialized='view') }}

-- Grain: one row per metric that a session emitted, also of names that no model knows.
-- A view, as fct_conversation_segments is.

with

metrics as (

    select * from {{ ref('int_session_metrics_unioned') }}

),

sessions as (

    select * from {{ ref('int_sessions_timed') }}

),

final as (

    select
        -- ids
        metrics.conversation_id,
        metrics.session_id,
        sessions.participant_id,
        sessions.user_id,
        sessions.queue_id,
        sessions.flow_id,

        -- strings
        sessions.participant_purpose,
        sessions.media_type,
        sessions.direction,
        metrics.metric_name,

        -- numbers
        metrics.metric_number,
        metrics.metric_value,
        case when metrics.metric_name like 't%' then {{ seconds('metrics.metric_value') }} end
            as metric_seconds,

        -- dates
        {{ local_date('metrics.emitted_at', var('report_time_zone')) }} as emitted_date,

        -- timestamps, UTC
        metrics.emitted_at,
        metrics.loaded_at

    from metrics
    inner join sessions
        on
            metrics.conversation_id = sessions.conversation_id
            and metrics.session_id = sessions.session_id

)

select * from final
