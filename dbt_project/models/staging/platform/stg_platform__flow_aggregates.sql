{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'flow_aggregates'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per flow, outcome, value and bucket in which an attempt was set.

with

{{ newest_reads('flow_aggregates') }},

group_records_of_metrics as (

    select
        *,
        {{ json_record(
            'group_json', ['flowId', 'flowOutcomeId', 'flowOutcomeValue']
        ) }} as group_record
    from metrics

),

grouped as (

    select
        coalesce({{ json_field('group_record', 'flowId') }}, {{ unknown_member() }}) as flow_id,
        coalesce({{ json_field('group_record', 'flowOutcomeId') }}, {{ unknown_member() }})
            as flow_outcome_id,
        {{ json_field('group_record', 'flowOutcomeValue') }} as flow_outcome_value,
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
        flow_id,
        flow_outcome_id,

        -- strings
        flow_outcome_value,

        -- numbers; a metric that is absent is zero
        {{ metric_sum('count', 'nFlowOutcome') }} as outcome_count,
        {{ metric_sum('count', 'nFlowOutcomeFailed') }} as failed_count,
        {{ metric_sum('count', 'tFlowOutcome') }} as timed_count,
        {{ metric_sum('sum', 'tFlowOutcome') }} as duration_ms,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        max(loaded_at) as loaded_at

    from grouped
    group by flow_id, flow_outcome_id, flow_outcome_value, bucket_started_at, bucket_ended_at

)

select * from pivoted
