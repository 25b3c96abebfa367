-- Grain: one row per flow, outcome and bucket, whichever contract it was read by.

with

platform_counts as (

    select
        flow_id,
        flow_outcome_id,
        bucket_started_at,
        bucket_ended_at,
        cast(sum(outcome_count) as bigint) as outcome_count,
        cast(
            sum(case when upper(flow_outcome_value) = 'SUCCESS' then outcome_count else 0 end)
            as bigint
        ) as success_count,
        cast(sum(failed_count) as bigint) as failure_count,
        cast(sum(timed_count) as bigint) as timed_count,
        cast(sum(duration_ms) as bigint) as duration_ms,
        max(loaded_at) as loaded_at
    from {{ ref('stg_platform__flow_aggregates') }}
    group by flow_id, flow_outcome_id, bucket_started_at, bucket_ended_at

),

definitions as (

    select * from {{ ref('stg_platform__flow_outcome_definitions') }}

),

platform as (

    -- The API counts by id; people know outcomes by name, and the other contract knows no ids.
    select
        platform_counts.flow_id,
        platform_counts.flow_outcome_id,
        coalesce(definitions.flow_outcome_name, platform_counts.flow_outcome_id) as outcome_name,
        platform_counts.bucket_started_at,
        platform_counts.bucket_ended_at,
        platform_counts.outcome_count,
        platform_counts.success_count,
        platform_counts.failure_count,
        platform_counts.timed_count,
        platform_counts.duration_ms,
        cast(null as {{ sql_type('double precision') }}) as reported_share,
        platform_counts.loaded_at
    from platform_counts
    left join definitions
        on platform_counts.flow_outcome_id = definitions.flow_outcome_id

),

guides as (

    select
        flow_id,
        cast(null as {{ dbt.type_string() }}) as flow_outcome_id,
        outcome_name,
        bucket_started_at,
        bucket_ended_at,
        outcome_count,
        cast(null as bigint) as success_count,
        cast(null as bigint) as failure_count,
        cast(null as bigint) as timed_count,
        cast(null as bigint) as duration_ms,
        reported_share,
        loaded_at
    from {{ ref('stg_guides__flow_outcomes') }}

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
