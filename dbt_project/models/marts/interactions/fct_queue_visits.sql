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
-- Grain: one row per wait of a conversation in a queue, which is one session of Genesys's acd.

with

sessions as (

    select
        *,
        max(case when has_voicemail then 1 else 0 end) over (
            partition by conversation_id
        ) = 1 as is_voicemail_left
    from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

numbered_answers as (

    select
        *,
        row_number() over (
            partition by conversation_id, queue_session_id
            order by connected_at asc nulls last, leg_number asc
        ) as answer_rank
    from {{ ref('int_conversation_legs_linked') }}
    where
        is_answered
        and queue_session_id is not null
        and {{ newly_loaded() }}

),

visits as (

    select
        *,
        row_number() over visits_in_order as visit_number,
        lead(queue_id) over visits_in_order as next_queue_id
    from sessions
    where participant_purpose = 'acd'
    window visits_in_order as (
        partition by conversation_id
        order by started_at asc nulls last, participant_number asc, session_number asc
    )

),

ended_visits as (

    -- How it ended, as the record's own metrics say; where it carries none at all, by who hung up.
    select
        visits.*,
        numbered_answers.session_id as answered_by_session_id,
        numbered_answers.user_id as answered_by_user_id,
        case
            when visits.abandon_count > 0 then 'abandoned'
            when numbered_answers.session_id is not null then 'answered'
            when visits.ended_at is null then 'waiting'
            when visits.flow_out_type in ('voicemail', 'callback') then visits.flow_out_type
            when
                visits.flow_out_count > 0
                or visits.flow_out_type is not null
                or visits.disconnect_type = 'transfer'
                then 'flowed_out'
            when
                not visits.has_metrics
                and not visits.is_voicemail_left
                and visits.disconnect_type in ('client', 'endpoint', 'peer')
                then 'abandoned'
            else 'disconnected'
        end as outcome
    from visits
    left join numbered_answers
        on
            visits.conversation_id = numbered_answers.conversation_id
            and visits.session_id = numbered_answers.queue_session_id
            and numbered_answers.answer_rank = 1

),

final as (

    select
        -- ids
        conversation_id,
        session_id,
        queue_id,
        answered_by_session_id,
        answered_by_user_id,
        case when outcome = 'flowed_out' then next_queue_id end as flowed_out_queue_id,

        -- strings
        media_type,
        direction,
        outcome,
        flow_in_type,
        flow_out_type,
        disconnect_type,
        case when has_metrics then 'metrics' else 'segments' end as counts_source,

        -- numbers
        cast(visit_number as bigint) as visit_number,
        {{ seconds('interact_ms') }} as wait_seconds,

        -- booleans
        outcome = 'answered' as is_answered,
        outcome = 'abandoned' as is_abandoned,
        case when has_metrics then short_abandon_count > 0 end as is_short_abandon,
        outcome in ('flowed_out', 'voicemail', 'callback', 'disconnected') as is_flowed_out,
        outcome = 'waiting' as is_open,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as entered_date,

        -- timestamps, UTC
        started_at as entered_at,
        ended_at as left_at,
        loaded_at

    from ended_visits

)

select * from final
