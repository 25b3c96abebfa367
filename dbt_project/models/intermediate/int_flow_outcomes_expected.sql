-- Grain: one row per expected outcome and bucket that was read to its end, whether or not anything
-- was counted in it: a flow that reaches no outcome at all lacks those that are expected.

with

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
        {{ dbt.date_trunc('hour', 'min(window_start)') }} as read_from,
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

hourly_reads as (

    select * from reads
    where bucket_minutes = 60

),

daily_reads as (

    select * from reads
    where bucket_minutes = 1440

),

buckets as (

    select
        bucket_started_at,
        read_from,
        read_through,
        bucket_minutes,
        loaded_at
    from {{ steps_between(
        'hourly_reads', 'read_from', 'read_through', '60 minutes', 'bucket_started_at'
    ) }}

    union all

    select
        bucket_started_at,
        read_from,
        read_through,
        bucket_minutes,
        loaded_at
    from {{ steps_between(
        'daily_reads', 'read_from', 'read_through', '1440 minutes', 'bucket_started_at'
    ) }}

),

buckets_read as (

    -- Windows overlap and are read again.
    select
        bucket_started_at,
        bucket_minutes,
        max(loaded_at) as loaded_at
    from buckets
    where
        bucket_started_at < read_through
        or bucket_started_at = read_from
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
        {{ later('buckets_read.bucket_started_at', 'buckets_read.bucket_minutes', 'minute') }}
            as bucket_ended_at,
        buckets_read.loaded_at

    from expected
    cross join buckets_read

)

select * from final
