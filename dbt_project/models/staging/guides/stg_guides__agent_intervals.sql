{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'guides_agent_intervals'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per user and bucket in which anything was counted or a routing status held.

with

{{ newest_report(
    'guides_agent_intervals',
    'user',
    ['interactingTime', 'communicatingTime', 'idleTime', 'notRespondingTime', 'offQueueTime']
) }},

renamed as (

    select
        -- ids
        group_id as user_id,

        -- strings
        group_name as user_name,

        -- numbers
        {{ report_metrics() }},
        {{ report_sum('interactingTime') }} as interacting_ms,
        {{ report_sum('communicatingTime') }} as communicating_ms,
        {{ report_sum('idleTime') }} as idle_ms,
        {{ report_sum('notRespondingTime') }} as not_responding_ms,
        {{ report_sum('offQueueTime') }} as off_queue_ms,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        loaded_at

    from newest_buckets

)

select * from renamed
