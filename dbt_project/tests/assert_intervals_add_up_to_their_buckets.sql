-- Whatever the zone's clocks do: every bucket is in exactly one day, one hour and so on, so each
-- kind of interval adds up to the buckets that are short enough for it.

with

buckets as (

    select
        'queues' as source_name,
        handle_ms,
        handled_count,
        {{ milliseconds_between('bucket_started_at', 'bucket_ended_at') }} / 60000.0 as minutes
    from {{ ref('int_queue_intervals_unioned') }}

    union all

    select
        'agents' as source_name,
        handle_ms,
        handled_count,
        {{ milliseconds_between('bucket_started_at', 'bucket_ended_at') }} / 60000.0 as minutes
    from {{ ref('int_agent_intervals_unioned') }}

),

bucket_totals as (

    select
        source_name,
        sum(case when minutes <= 15 then handle_ms end) as quarter_hour_ms,
        sum(case when minutes <= 60 then handle_ms end) as hour_ms,
        sum(handle_ms) as day_ms,
        sum(handled_count) as handled_count
    from buckets
    group by source_name

),

intervals as (

    select
        'queues' as source_name,
        interval_kind,
        handle_seconds * 1000 as handle_ms,
        handled_count
    from {{ ref('fct_queue_intervals') }}

    union all

    select
        'agents' as source_name,
        interval_kind,
        handle_seconds * 1000 as handle_ms,
        handled_count
    from {{ ref('fct_agent_intervals') }}

),

interval_totals as (

    select
        source_name,
        sum(case when interval_kind = 'quarter_hour' then handle_ms end) as quarter_hour_ms,
        sum(case when interval_kind = 'hour' then handle_ms end) as hour_ms,
        sum(case when interval_kind = 'day' then handle_ms end) as day_ms,
        sum(case when interval_kind = 'day' then handled_count end) as handled_count
    from intervals
    group by source_name

)

select bucket_totals.*
from bucket_totals
left join interval_totals
    on bucket_totals.source_name = interval_totals.source_name
where
    coalesce(bucket_totals.quarter_hour_ms, 0) <> coalesce(interval_totals.quarter_hour_ms, 0)
    or coalesce(bucket_totals.hour_ms, 0) <> coalesce(interval_totals.hour_ms, 0)
    or coalesce(bucket_totals.day_ms, 0) <> coalesce(interval_totals.day_ms, 0)
    or coalesce(bucket_totals.handled_count, 0) <> coalesce(interval_totals.handled_count, 0)
