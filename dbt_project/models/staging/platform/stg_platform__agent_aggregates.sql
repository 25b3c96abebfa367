{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'agent_aggregates'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per agent, media type and bucket in which anything was counted.

with

{{ newest_reads('agent_aggregates') }},

group_records_of_metrics as (

    select
        *,
        {{ json_record('group_json', ['userId', 'mediaType']) }} as group_record
    from metrics

),

grouped as (

    select
        coalesce({{ json_field('group_record', 'userId') }}, {{ unknown_member() }}) as user_id,
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
        user_id,

        -- strings
        media_type,

        -- numbers; a metric that is absent is zero
        {{ handling_metrics() }},

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        max(loaded_at) as loaded_at

    from grouped
    group by user_id, media_type, bucket_started_at, bucket_ended_at

)

select * from pivoted
