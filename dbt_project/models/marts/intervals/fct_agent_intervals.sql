{{
    config(
        materialized='incremental',
        incremental_strategy='replace_intervals',
        on_schema_change='fail',
        post_hook='{{ complete_days_again() }}',
        meta={
            'reads_of': ['agent_aggregates', 'user_aggregates', 'guides_agent_intervals'],
            'period': 'day',
            'rules': ['report_time_zone']
        }
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per user, kind of interval and interval in which anything was counted or a status
-- held; all media types together, as a user has one status at a time.
-- Incremental by the days that were read: all rows of such a day are made again.

{% set kinds = ['quarter_hour', 'half_hour', 'hour', 'day'] %}

with

{{ placed_in_intervals('int_agent_intervals_unioned', 'handling', kinds) }},

{{ placed_in_intervals('int_agent_statuses_unioned', 'statuses', kinds) }},

handling_summed as (

    select
        user_id,
        interval_kind,
        interval_started_at,
        {{ text_list('media_type') }} as media_types,
        cast(sum(answered_count) as bigint) as answered_count,
        cast(sum(handled_count) as bigint) as handled_count,
        cast(sum(transferred_count) as bigint) as transferred_count,
        cast(sum(blind_transferred_count) as bigint) as blind_transferred_count,
        cast(sum(consult_transferred_count) as bigint) as consult_transferred_count,
        cast(sum(outbound_count) as bigint) as outbound_count,
        cast(sum(alert_count) as bigint) as alert_count,
        cast(sum(unanswered_alert_count) as bigint) as unanswered_alert_count,
        cast(sum(talk_count) as bigint) as talk_count,
        cast(sum(hold_count) as bigint) as hold_count,
        cast(sum(acw_count) as bigint) as acw_count,
        cast(sum(answer_ms) as bigint) as answer_ms,
        cast(sum(alert_ms) as bigint) as alert_ms,
        cast(sum(unanswered_alert_ms) as bigint) as unanswered_alert_ms,
        cast(sum(talk_ms) as bigint) as talk_ms,
        cast(sum(hold_ms) as bigint) as hold_ms,
        cast(sum(acw_ms) as bigint) as acw_ms,
        cast(sum(handle_ms) as bigint) as handle_ms,
        max(loaded_at) as loaded_at
    from handling_placed
    group by user_id, interval_kind, interval_started_at

),

statuses_summed as (

    select
        user_id,
        interval_kind,
        interval_started_at,
        cast(sum(interacting_ms) as bigint) as interacting_ms,
        cast(sum(communicating_ms) as bigint) as communicating_ms,
        cast(sum(idle_ms) as bigint) as idle_ms,
        cast(sum(not_responding_ms) as bigint) as not_responding_ms,
        cast(sum(off_queue_ms) as bigint) as off_queue_ms,
        cast(sum(on_queue_ms) as bigint) as on_queue_ms,
        cast(sum(logged_in_ms) as bigint) as logged_in_ms,
        max(loaded_at) as loaded_at
    from statuses_placed
    group by user_id, interval_kind, interval_started_at

),

joined as (

    -- Who was there and handled nothing handled zero; who has no status there has an unknown one.
    select
        coalesce(handling_summed.user_id, statuses_summed.user_id) as user_id,
        coalesce(handling_summed.interval_kind, statuses_summed.interval_kind) as interval_kind,
        coalesce(handling_summed.interval_started_at, statuses_summed.interval_started_at)
            as interval_started_at,
        handling_summed.media_types,
        case when handling_summed.user_id is null then 0 else handling_summed.answered_count end
            as answered_count,
        case when handling_summed.user_id is null then 0 else handling_summed.handled_count end
            as handled_count,
        case when handling_summed.user_id is null then 0 else handling_summed.transferred_count end
            as transferred_count,
        case
            when handling_summed.user_id is null then 0
            else handling_summed.blind_transferred_count
        end as blind_transferred_count,
        case
            when handling_summed.user_id is null then 0
            else handling_summed.consult_transferred_count
        end as consult_transferred_count,
        case when handling_summed.user_id is null then 0 else handling_summed.outbound_count end
            as outbound_count,
        case when handling_summed.user_id is null then 0 else handling_summed.alert_count end
            as alert_count,
        case
            when handling_summed.user_id is null then 0
            else handling_summed.unanswered_alert_count
        end as unanswered_alert_count,
        case when handling_summed.user_id is null then 0 else handling_summed.talk_count end
            as talk_count,
        case when handling_summed.user_id is null then 0 else handling_summed.hold_count end
            as hold_count,
        case when handling_summed.user_id is null then 0 else handling_summed.acw_count end
            as acw_count,
        case when handling_summed.user_id is null then 0 else handling_summed.answer_ms end
            as answer_ms,
        case when handling_summed.user_id is null then 0 else handling_summed.alert_ms end
            as alert_ms,
        case
            when handling_summed.user_id is null then 0
            else handling_summed.unanswered_alert_ms
        end as unanswered_alert_ms,
        case when handling_summed.user_id is null then 0 else handling_summed.talk_ms end
            as talk_ms,
        case when handling_summed.user_id is null then 0 else handling_summed.hold_ms end
            as hold_ms,
        case when handling_summed.user_id is null then 0 else handling_summed.acw_ms end
            as acw_ms,
        case when handling_summed.user_id is null then 0 else handling_summed.handle_ms end
            as handle_ms,
        statuses_summed.interacting_ms,
        statuses_summed.communicating_ms,
        statuses_summed.idle_ms,
        statuses_summed.not_responding_ms,
        statuses_summed.off_queue_ms,
        statuses_summed.on_queue_ms,
        statuses_summed.logged_in_ms,
        statuses_summed.interacting_ms + statuses_summed.communicating_ms
        + statuses_summed.idle_ms as occupiable_ms,
        greatest(
            coalesce(handling_summed.loaded_at, statuses_summed.loaded_at),
            coalesce(statuses_summed.loaded_at, handling_summed.loaded_at)
        ) as loaded_at
    from handling_summed
    full outer join statuses_summed
        on
            handling_summed.user_id = statuses_summed.user_id
            and handling_summed.interval_kind = statuses_summed.interval_kind
            and handling_summed.interval_started_at = statuses_summed.interval_started_at

),

complete_days as (

    select * from {{ complete_days() }}

),

bounded as (

    select
        *,
        {{ interval_ended_at('interval_kind', 'interval_started_at') }} as interval_ended_at
    from joined

),

dated as (

    select
        bounded.*,
        {{ local_date('bounded.interval_started_at', var('report_time_zone')) }} as report_date
    from bounded

),

dated_with_completeness as (

    select
        dated.*,
        coalesce(complete_days.is_complete, false) as is_day_complete
    from dated
    left join complete_days
        on dated.report_date = complete_days.report_date

),

final as (

    select
        -- ids
        user_id,

        -- strings
        interval_kind,
        media_types,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        {{ interval_minutes('interval_started_at', 'interval_ended_at') }} as interval_minutes,
        answered_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        alert_count,
        unanswered_alert_count,
        talk_count,
        hold_count,
        acw_count,
        {{ seconds('answer_ms') }} as answer_seconds,
        {{ seconds('alert_ms') }} as alert_seconds,
        {{ seconds('unanswered_alert_ms') }} as unanswered_alert_seconds,
        {{ seconds('talk_ms') }} as talk_seconds,
        {{ seconds('hold_ms') }} as hold_seconds,
        {{ seconds('acw_ms') }} as acw_seconds,
        {{ seconds('handle_ms') }} as handle_seconds,
        {{ ratio('handle_ms', 'handled_count * 1000') }} as aht_seconds,
        {{ seconds('interacting_ms') }} as interacting_seconds,
        {{ seconds('communicating_ms') }} as communicating_seconds,
        {{ seconds('idle_ms') }} as idle_seconds,
        {{ seconds('not_responding_ms') }} as not_responding_seconds,
        {{ seconds('off_queue_ms') }} as off_queue_seconds,
        {{ seconds('on_queue_ms') }} as on_queue_seconds,
        {{ seconds('logged_in_ms') }} as logged_in_seconds,
        {{ ratio('interacting_ms', 'occupiable_ms') }} as occupancy,
        {{ ratio(
            'interacting_ms + communicating_ms', 'occupiable_ms + not_responding_ms'
        ) }} as occupancy_with_communicating,

        -- booleans
        is_day_complete,

        -- dates
        report_date,

        -- timestamps, UTC
        interval_started_at,
        interval_ended_at,
        loaded_at

    from dated_with_completeness

)

select * from final
