{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'queue_aggregates'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per queue, media type and bucket in which anything was counted.

with

{{ newest_reads('queue_aggregates') }},

group_records_of_metrics as (

    select
        *,
        {{ json_record('group_json', ['queueId', 'mediaType']) }} as group_record
    from metrics

),

grouped as (

    select
        coalesce({{ json_field('group_record', 'queueId') }}, {{ unknown_member() }}) as queue_id,
        {{ json_field('group_record', 'mediaType') }} as media_type,
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
        queue_id,

        -- strings
        media_type,

        -- numbers; a metric that is absent is zero
        {{ handling_metrics() }},
        {{ metric_sum('count', 'nOverSla') }} as over_service_level_count,
        {{ metric_sum('numerator', 'oServiceLevel') }} as service_level_numerator,
        {{ metric_sum('denominator', 'oServiceLevel') }} as service_level_denominator,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        max(loaded_at) as loaded_at

    from grouped
    group by queue_id, media_type, bucket_started_at, bucket_ended_at

)

select * from pivoted
