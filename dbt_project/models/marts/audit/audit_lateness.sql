-- Grain: one row per resource whose records are read by windows.
-- Late is a record that was not there yet when its window had already been read to its end.

with

arrivals as (

    select * from {{ ref('int_record_arrivals_unioned') }}

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
    having max(case when status = 'loaded' then 1 else 0 end) = 1

),

first_reads as (

    select
        arrivals.resource,
        arrivals.window_start,
        arrivals.window_end,
        arrivals.first_extracted_at,
        arrivals.record_count,
        min(reads.started_at) as first_read_at
    from arrivals
    left join reads
        on
            arrivals.resource = reads.resource
            and arrivals.window_start >= reads.window_start
            and arrivals.window_end <= reads.window_end
            and arrivals.first_extracted_at > reads.started_at
    group by
        arrivals.resource,
        arrivals.window_start,
        arrivals.window_end,
        arrivals.first_extracted_at,
        arrivals.record_count

),

arrivals_with_lateness as (

    select
        *,
        case
            when first_read_at is null then 0
            else {{ milliseconds_between('window_end', 'first_extracted_at') }}
        end as lateness_ms
    from first_reads

),

ranked as (

    select
        *,
        sum(record_count) over (
            partition by resource
            order by lateness_ms, window_start, first_extracted_at
            rows unbounded preceding
        ) as records_so_far,
        sum(record_count) over (partition by resource) as every_record
    from arrivals_with_lateness

),

final as (

    select
        -- strings
        resource,

        -- numbers
        cast(sum(record_count) as bigint) as record_count,
        cast(sum(case when first_read_at is null then 0 else record_count end) as bigint)
            as late_record_count,
        {{ seconds('max(lateness_ms)') }} as greatest_lateness_seconds,
        {{ seconds(
            'min(case when records_so_far >= every_record * 0.999 then lateness_ms end)'
        ) }} as lateness_of_999_in_1000_seconds,
        cast(
            ceil(
                min(case when records_so_far >= every_record * 0.999 then lateness_ms end)
                / 86400000.0
            ) as bigint
        ) as lookback_days_for_999_in_1000,

        -- timestamps, UTC
        max(case when first_read_at is not null then first_extracted_at end) as last_late_at

    from ranked
    group by resource

)

select * from final
