{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'user_aggregates'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per user and bucket in which a status or presence was held.

with

{{ newest_reads('user_aggregates') }},

group_records_of_metrics as (

    select
        *,
        {{ json_record('group_json', ['userId']) }} as group_record
    from metrics

),

grouped as (

    select
        coalesce({{ json_field('group_record', 'userId') }}, {{ unknown_member() }}) as user_id,
        bucket_started_at,
        bucket_ended_at,
        loaded_at,
        metric_name,
        qualifier,
        stat_count,
        stat_sum,
        stat_numerator,
        stat_denominator
    from group_records_of_metrics

),

pivoted as (

    select
        -- ids
        user_id,

        -- numbers; a metric that is absent is zero
        {{ metric_sum('sum', 'tAgentRoutingStatus', 'INTERACTING') }} as interacting_ms,
        {{ metric_sum('sum', 'tAgentRoutingStatus', 'COMMUNICATING') }} as communicating_ms,
        {{ metric_sum('sum', 'tAgentRoutingStatus', 'IDLE') }} as idle_ms,
        {{ metric_sum('sum', 'tAgentRoutingStatus', 'NOT_RESPONDING') }} as not_responding_ms,
        {{ metric_sum('sum', 'tAgentRoutingStatus', 'OFF_QUEUE') }} as off_queue_ms,
        {{ metric_sum('sum', 'tSystemPresence', 'ON_QUEUE') }} as on_queue_ms,
        {{ metric_sum('sum', 'tSystemPresence') }} as presence_ms,
        {{ metric_sum('sum', 'tSystemPresence', 'OFFLINE') }} as offline_ms,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        max(loaded_at) as loaded_at

    from grouped
    group by user_id, bucket_started_at, bucket_ended_at

)

select * from pivoted
