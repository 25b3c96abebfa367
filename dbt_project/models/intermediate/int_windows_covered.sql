-- Grain: one row per resource and stretch of time that its loaded windows cover without a gap.
-- A window counts from the read that came through: what stopped in the middle covers nothing.

with

reads as (

    select
        resource,
        window_attempt_id,
        min(window_start) as window_start,
        max(case when status = 'loaded' then window_end end) as window_end,
        max(source_available_through) as source_available_through
    from {{ ref('stg_loader__extract_windows') }}
    group by resource, window_attempt_id
    having max(case when status = 'loaded' then 1 else 0 end) = 1

),

windows as (

    -- A snapshot has no length and covers no time.
    select * from reads
    where window_start < window_end

),

windows_with_reach as (

    select
        *,
        max(window_end) over (
            partition by resource
            order by window_start, window_end
            rows between unbounded preceding and 1 preceding
        ) as reached_before
    from windows

),

numbered as (

    select
        *,
        sum(case when reached_before >= window_start then 0 else 1 end) over (
            partition by resource
            order by window_start, window_end
            rows unbounded preceding
        ) as stretch_number
    from windows_with_reach

),

final as (

    select
        -- strings
        resource,

        -- numbers
        cast(stretch_number as bigint) as stretch_number,
        count(*) as window_count,

        -- timestamps, UTC
        min(window_start) as covered_from,
        max(window_end) as covered_through,
        max(source_available_through) as source_available_through

    from numbered
    group by resource, stretch_number

)

select * from final
