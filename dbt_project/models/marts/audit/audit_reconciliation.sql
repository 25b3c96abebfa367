{{ config(materialized='view') }}

-- Grain: one row per subject (queue, agent or flow), media type, local day and metric that either
-- side counted, of the days that were read of both.
-- A view: what it is made of is kept by day, and whether a day is whole may change without a read.

with

details as (

    select * from {{ ref('int_session_metrics_per_day') }}
    where metric_name is not null

),

aggregates as (

    -- What is counted under nobody has nobody to be compared with.
    select * from {{ ref('int_aggregates_per_day') }}
    where subject_id <> {{ unknown_member() }}

),

days as (

    select
        *,
        {{ later('day_started_at', 12, 'hour') }} as middle_at
    from {{ ref('audit_day_completeness') }}

),

reads as (

    select
        resource,
        window_attempt_id,
        min(window_start) as window_start,
        max(case when status = 'loaded' then window_end end) as window_end,
        min(started_at) as started_at
    from {{ ref('stg_loader__extract_windows') }}
    group by resource, window_attempt_id

),

days_read as (

    -- Windows overlap, and begin and end within local days: the newest read of a day's middle
    -- stands for the day.
    select
        days.resource,
        days.report_date,
        days.is_complete,
        max(reads.started_at) as read_at
    from days
    left join reads
        on
            days.resource = reads.resource
            and days.middle_at >= reads.window_start
            and days.middle_at < reads.window_end
    group by days.resource, days.report_date, days.is_complete

),

told as (

    select
        subject_type,
        subject_id,
        media_type,
        metric_name,
        emitted_date as report_date,
        metric_count as details_count,
        metric_ms as details_ms,
        cast(null as bigint) as aggregates_count,
        cast(null as bigint) as aggregates_ms
    from details

    union all

    select
        subject_type,
        subject_id,
        media_type,
        metric_name,
        report_date,
        cast(null as bigint) as details_count,
        cast(null as bigint) as details_ms,
        metric_count as aggregates_count,
        metric_ms as aggregates_ms
    from aggregates

),

summed as (

    -- Who tells nothing of a metric has counted nothing.
    select
        subject_type,
        subject_id,
        media_type,
        metric_name,
        report_date,
        cast(coalesce(sum(details_count), 0) as bigint) as details_count,
        cast(coalesce(sum(aggregates_count), 0) as bigint) as aggregates_count,
        cast(coalesce(sum(details_ms), 0) as bigint) as details_ms,
        cast(coalesce(sum(aggregates_ms), 0) as bigint) as aggregates_ms
    from told
    group by subject_type, subject_id, media_type, metric_name, report_date

),

compared as (

    select
        summed.*,
        summed.metric_name in ({{ metrics_of('queue', timed=true) }}) as is_timed,
        abs(summed.details_count - summed.aggregates_count) as apart_count,
        abs(summed.details_ms - summed.aggregates_ms) as apart_ms,
        details_read.read_at as details_read_at,
        aggregates_read.read_at as aggregates_read_at,
        details_read.is_complete as is_details_day_complete,
        aggregates_read.is_complete as is_aggregates_day_complete
    from summed
    inner join days_read as details_read
        on
            summed.report_date = details_read.report_date
            and details_read.resource = 'conversation_details'
    inner join days_read as aggregates_read
        on
            summed.report_date = aggregates_read.report_date
            and summed.subject_type || '_aggregates' = aggregates_read.resource
    where
        summed.details_count <> 0
        or summed.aggregates_count <> 0
        or summed.details_ms <> 0
        or summed.aggregates_ms <> 0

),

final as (

    select
        -- ids
        subject_id,

        -- strings
        subject_type,
        media_type,
        metric_name,
        case
            when apart_count = 0 and apart_ms = 0 then null
            when not is_details_day_complete or not is_aggregates_day_complete then 'day_open'
            when
                {{ later('details_read_at', var('reconciliation_read_hours'), 'hour') }}
                < aggregates_read_at
                then 'details_older'
            when
                {{ later('aggregates_read_at', var('reconciliation_read_hours'), 'hour') }}
                < details_read_at
                then 'aggregates_older'
            else 'unexplained'
        end as reason,

        -- numbers
        details_count,
        aggregates_count,
        details_count - aggregates_count as count_difference,
        case when is_timed then {{ seconds('details_ms') }} end as details_seconds,
        case when is_timed then {{ seconds('aggregates_ms') }} end as aggregates_seconds,
        case when is_timed then {{ seconds('details_ms - aggregates_ms') }} end
            as seconds_difference,
        greatest(
            coalesce({{ ratio('apart_count', 'greatest(details_count, aggregates_count)') }}, 0),
            coalesce({{ ratio('apart_ms', 'greatest(details_ms, aggregates_ms)') }}, 0)
        ) as relative_difference,

        -- booleans
        is_details_day_complete,
        is_aggregates_day_complete,

        -- dates
        report_date,

        -- timestamps, UTC
        details_read_at,
        aggregates_read_at

    from compared

)

select * from final
