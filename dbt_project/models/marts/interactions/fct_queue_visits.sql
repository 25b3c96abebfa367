{% set rules = [
    'report_time_zone', 'service_levels', 'service_level_includes_abandons',
    'service_level_includes_short_abandons', 'service_level_includes_flow_outs',
] %}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_conversations',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned', 'rules': rules}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per wait of a conversation in a queue, which is one session of Genesys's acd.

{% set visits_in_order %}
    partition by conversation_id
    order by started_at asc nulls last, participant_number asc, session_number asc
{% endset %}

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

service_levels as (

    select
        trim(queue_id) as queue_id,
        trim(media_type) as media_type,
        cast(seconds as bigint) as service_level_seconds,
        cast(share as {{ sql_type('double precision') }}) as service_level_share,
        cast(nullif(trim(short_abandon_seconds), '') as bigint) as short_abandon_seconds
    from {{ ref('service_levels') }}

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
        row_number() over ({{ visits_in_order }}) as visit_number,
        lead(queue_id) over ({{ visits_in_order }}) as next_queue_id
    from sessions
    where participant_purpose = 'acd'

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

visits_with_targets as (

    -- The line of its queue for the media type counts whole, else that of all queues.
    select
        ended_visits.*,
        service_levels.service_level_seconds,
        service_levels.service_level_share,
        case
            when ended_visits.outcome <> 'abandoned' then false
            else ended_visits.interact_ms <= service_levels.short_abandon_seconds * 1000
        end as is_short_abandon_by_target
    from ended_visits
    left join service_levels as own_levels
        on
            ended_visits.queue_id = own_levels.queue_id
            and ended_visits.media_type = own_levels.media_type
    left join service_levels
        on
            coalesce(own_levels.queue_id, '*') = service_levels.queue_id
            and ended_visits.media_type = service_levels.media_type

),

visits_with_outcomes as (

    select
        *,
        case when has_metrics then short_abandon_count > 0 end as is_short_abandon,
        outcome in ('flowed_out', 'voicemail', 'callback', 'disconnected') as is_flowed_out
    from visits_with_targets

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
        cast('{{ rules_version(rules) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        cast(visit_number as bigint) as visit_number,
        {{ seconds('interact_ms') }} as wait_seconds,
        service_level_seconds,
        service_level_share,

        -- booleans
        outcome = 'answered' as is_answered,
        outcome = 'abandoned' as is_abandoned,
        is_short_abandon,
        is_short_abandon_by_target,
        is_flowed_out,
        outcome = 'waiting' as is_open,
        -- What Genesys counts in a service level: true in both parts of the share, false below the
        -- line alone, null in neither.
        case
            when service_level_seconds is null then null
            when outcome = 'answered' then interact_ms <= service_level_seconds * 1000
            when
                outcome = 'abandoned'
                and {{ var('service_level_includes_abandons') | lower }}
                and (
                    {{ var('service_level_includes_short_abandons') | lower }}
                    or not coalesce(is_short_abandon_by_target, is_short_abandon, false)
                )
                then false
            when is_flowed_out and {{ var('service_level_includes_flow_outs') | lower }}
                then false
        end as is_within_service_level,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as entered_date,

        -- timestamps, UTC
        started_at as entered_at,
        ended_at as left_at,
        loaded_at

    from visits_with_outcomes

)

select * from final
