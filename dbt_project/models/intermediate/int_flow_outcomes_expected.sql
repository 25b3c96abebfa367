-- Grain: one row per expected outcome and bucket that was read to its end, whether or not anything
-- was counted in it: a flow that reaches no outcome at all lacks those that are expected.

with recursive

expected as (

    select
        trim(flow_id) as flow_id,
        trim(outcome_name) as outcome_name
    from {{ ref('expected_flow_outcomes') }}

),

reads as (

    -- Where the service counts no hours, none lacks anything.
    select
        window_attempt_id,
        date_trunc('hour', min(window_start)) as bucket_started_at,
        max(window_end) as read_through,
        max(case when adjustment like 'granularity%' then 1440 else 60 end) as bucket_minutes,
        max(loaded_at) as loaded_at
    from {{ ref('stg_loader__extract_windows') }}
    where
        resource in ('flow_aggregates', 'guides_flow_outcomes')
        and exists (select 1 as one from expected)
    group by window_attempt_id
    having max(case when status = 'loaded' then 1 else 0 end) = 1

),

buckets as (

    select
        bucket_started_at,
        read_through,
        bucket_minutes,
        loaded_at
    from reads

    union all

    select
        {{ dbt.dateadd('minute', 'bucket_minutes', 'bucket_started_at') }} as bucket_started_at,
        read_through,
        bucket_minutes,
        loaded_at
    from buckets
    where {{ dbt.dateadd('minute', 'bucket_minutes', 'bucket_started_at') }} < read_through

),

buckets_read as (

    -- Windows overlap and are read again.
    select
        bucket_started_at,
        bucket_minutes,
        max(loaded_at) as loaded_at
    from buckets
    group by bucket_started_at, bucket_minutes

),

final as (

    select
        -- ids
        expected.flow_id,

        -- strings
        expected.outcome_name,

        -- timestamps, UTC
        buckets_read.bucket_started_at,
        {{ dbt.dateadd('minute', 'buckets_read.bucket_minutes', 'buckets_read.bucket_started_at') }}
            as bucket_ended_at,
        buckets_read.loaded_at

    from expected
    cross join buckets_read

)

select * from final
