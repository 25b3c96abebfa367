{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        meta={'reads_of': 'queue_aggregates'}
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
        {{ json_field('group_record', 'queueId') }} as queue_id,
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
        {{ metric_sum('count', 'nOffered') }} as offered_count,
        {{ metric_sum('count', 'nConnected') }} as connected_count,
        {{ metric_sum('count', 'tAnswered') }} as answered_count,
        {{ metric_sum('count', 'tAbandon') }} as abandoned_count,
        {{ metric_sum('count', 'tHandle') }} as handled_count,
        {{ metric_sum('count', 'nTransferred') }} as transferred_count,
        {{ metric_sum('count', 'nBlindTransferred') }} as blind_transferred_count,
        {{ metric_sum('count', 'nConsultTransferred') }} as consult_transferred_count,
        {{ metric_sum('count', 'nOutbound') }} as outbound_count,
        {{ metric_sum('count', 'nOverSla') }} as over_service_level_count,
        {{ metric_sum('count', 'tAcd') }} as wait_count,
        {{ metric_sum('sum', 'tAcd') }} as wait_ms,
        {{ metric_sum('sum', 'tAnswered') }} as answer_ms,
        {{ metric_sum('sum', 'tAbandon') }} as abandon_ms,
        {{ metric_sum('sum', 'tAlert') }} as alert_ms,
        {{ metric_sum('sum', 'tTalkComplete') }} as talk_ms,
        {{ metric_sum('sum', 'tHeldComplete') }} as hold_ms,
        {{ metric_sum('sum', 'tAcw') }} as acw_ms,
        {{ metric_sum('sum', 'tHandle') }} as handle_ms,
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
