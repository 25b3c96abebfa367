{{
    config(
        materialized='incremental',
        incremental_strategy='replace_intervals',
        on_schema_change='fail',
        post_hook='{{ complete_days_again() }}',
        made_of={
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
{% set handling = [
    'answered_count', 'handled_count', 'transferred_count', 'blind_transferred_count',
    'consult_transferred_count', 'outbound_count', 'alert_count', 'unanswered_alert_count',
    'talk_count', 'hold_count', 'acw_count', 'answer_ms', 'alert_ms', 'unanswered_alert_ms',
    'talk_ms', 'hold_ms', 'acw_ms', 'handle_ms',
] %}
{% set statuses = [
    'interacting_ms', 'communicating_ms', 'idle_ms', 'not_responding_ms', 'off_queue_ms',
    'on_queue_ms', 'logged_in_ms',
] %}

with

{{ placed_in_intervals('int_agent_intervals_unioned', 'handling', kinds) }},

{{ placed_in_intervals('int_agent_statuses_unioned', 'statuses', kinds) }},

handling_summed as (

    select
        user_id,
        interval_kind,
        interval_started_at,
        {{ text_list('media_type') }} as media_types,
        {{ sums(handling) }},
        max(loaded_at) as loaded_at
    from handling_placed
    group by user_id, interval_kind, interval_started_at

),

statuses_summed as (

    select
        user_id,
        interval_kind,
        interval_started_at,
        {{ sums(statuses) }},
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
        {%- for metric in handling %}
            case when handling_summed.user_id is null then 0 else handling_summed.{{ metric }} end
                as {{ metric }},
        {%- endfor %}
        {%- for status in statuses %}
            statuses_summed.{{ status }},
        {%- endfor %}
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
