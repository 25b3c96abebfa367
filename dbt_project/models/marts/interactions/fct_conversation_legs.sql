{{
    config(
        incremental_strategy='replace_conversations',
        indexes=conversation_indexes(),
        made_of={'conversations': 'int_conversations_unioned', 'rules': ['report_time_zone']}
    )
}}

-- depends_on: {{ ref('int_conversations_unioned') }}
-- Grain: one row per leg, which is one session in which an agent or user handled a conversation,
-- was asked to or barged in.

with

legs as (

    select * from {{ ref('int_conversation_legs_linked') }}
    where {{ newly_loaded() }}

),

final as (

    select
        -- ids
        conversation_id,
        session_id,
        participant_id,
        user_id,
        queue_id,
        wrapup_code_id,
        queue_session_id,
        callback_session_id,
        handed_over_by_session_id,

        -- strings
        participant_purpose,
        media_type,
        direction,
        used_routing,
        began_as,
        ended_as,
        disconnect_type,
        link_confidence,
        {{ personal('fct_conversation_legs', 'wrapup_note', 'wrapup_note') }} as wrapup_note,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        leg_number,
        {{ seconds('queue_wait_ms') }} as queue_wait_seconds,
        {{ seconds('alert_ms') }} as alert_seconds,
        {{ seconds('dialing_ms') }} as dialing_seconds,
        {{ seconds('talk_ms') }} as talk_seconds,
        {{ seconds('hold_ms') }} as hold_seconds,
        {{ seconds('acw_ms') }} as acw_seconds,
        {{ seconds('handle_ms') }} as handle_seconds,
        {{ seconds('genesys_handle_ms') }} as genesys_handle_seconds,
        {{ seconds('barging_ms') }} as barging_seconds,

        -- booleans
        is_answered,
        is_connected,
        is_conference,
        has_error,
        ended_at is null as is_open,

        -- dates
        {{ local_date('started_at', var('report_time_zone')) }} as started_date,

        -- timestamps, UTC
        queue_entered_at,
        started_at,
        connected_at,
        answered_at,
        connection_ended_at,
        ended_at,
        loaded_at

    from legs

)

select * from final
