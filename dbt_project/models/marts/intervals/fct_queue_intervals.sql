{{
    config(
        materialized='incremental',
        incremental_strategy='replace_intervals',
        on_schema_change='fail',
        post_hook='{{ complete_days_again() }}',
        made_of={
            'reads_of': ['queue_aggregates', 'guides_queue_intervals'],
            'period': 'day',
            'rules': ['report_time_zone']
        }
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per queue, media type, kind of interval and interval in which anything was
-- counted.
-- Incremental by the days that were read: all rows of such a day are made again.

{% set kinds = ['quarter_hour', 'half_hour', 'hour', 'day'] %}
{% set handling = [
    'offered_count', 'connected_count', 'answered_count', 'abandoned_count', 'handled_count',
    'transferred_count', 'blind_transferred_count', 'consult_transferred_count',
    'outbound_count', 'over_service_level_count', 'short_abandoned_count', 'flowed_out_count',
    'alert_count', 'unanswered_alert_count', 'talk_count', 'hold_count', 'acw_count',
    'wait_count', 'wait_ms', 'answer_ms', 'abandon_ms', 'flow_out_ms', 'alert_ms',
    'unanswered_alert_ms', 'talk_ms', 'hold_ms', 'acw_ms', 'handle_ms',
    'service_level_numerator', 'service_level_denominator',
] %}

with

{{ placed_in_intervals('int_queue_intervals_unioned', 'queues', kinds) }},

summed as (

    select
        queue_id,
        media_type,
        interval_kind,
        interval_started_at,
        {{ sums(handling) }},
        max(loaded_at) as loaded_at
    from queues_placed
    group by queue_id, media_type, interval_kind, interval_started_at

),

complete_days as (

    select * from {{ complete_days() }}

),

bounded as (

    select
        *,
        {{ interval_ended_at('interval_kind', 'interval_started_at') }} as interval_ended_at
    from summed

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
        queue_id,

        -- strings
        media_type,
        interval_kind,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        {{ interval_minutes('interval_started_at', 'interval_ended_at') }} as interval_minutes,
        offered_count,
        connected_count,
        answered_count,
        abandoned_count,
        short_abandoned_count,
        flowed_out_count,
        handled_count,
        transferred_count,
        blind_transferred_count,
        consult_transferred_count,
        outbound_count,
        over_service_level_count,
        wait_count,
        alert_count,
        unanswered_alert_count,
        talk_count,
        hold_count,
        acw_count,
        {{ seconds('wait_ms') }} as wait_seconds,
        {{ seconds('answer_ms') }} as answer_seconds,
        {{ seconds('abandon_ms') }} as abandon_seconds,
        {{ seconds('flow_out_ms') }} as flow_out_seconds,
        {{ seconds('alert_ms') }} as alert_seconds,
        {{ seconds('unanswered_alert_ms') }} as unanswered_alert_seconds,
        {{ seconds('talk_ms') }} as talk_seconds,
        {{ seconds('hold_ms') }} as hold_seconds,
        {{ seconds('acw_ms') }} as acw_seconds,
        {{ seconds('handle_ms') }} as handle_seconds,
        {{ ratio('wait_ms', 'wait_count * 1000') }} as average_wait_seconds,
        {{ ratio('answer_ms', 'answered_count * 1000') }} as average_speed_of_answer_seconds,
        {{ ratio('handle_ms', 'handled_count * 1000') }} as aht_seconds,
        service_level_numerator,
        service_level_denominator,
        {{ ratio('service_level_numerator', 'service_level_denominator') }} as service_level,

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

-- Where they stand together, what they have in common takes no room.
select * from final
order by interval_kind, interval_started_at, queue_id
