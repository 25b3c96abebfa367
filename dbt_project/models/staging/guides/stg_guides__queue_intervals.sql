{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'guides_queue_intervals'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per queue and bucket in which anything was counted.

with

{{ newest_report('guides_queue_intervals', 'queue') }},

renamed as (

    select
        -- ids
        group_id as queue_id,

        -- strings
        group_name as queue_name,

        -- numbers
        {{ report_metrics() }},
        {{ report_count('overSlaCount') }} as over_service_level_count,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        loaded_at

    from newest_buckets

)

select * from renamed
