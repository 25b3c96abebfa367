-- Grain: one row per resource and stretch of time that is loaded without a gap.

with

stretches as (

    select * from {{ ref('int_windows_covered') }}

),

stretches_with_neighbours as (

    select
        *,
        lag(covered_through) over (
            partition by resource order by stretch_number
        ) as previous_covered_through
    from stretches

),

final as (

    select
        -- strings
        resource,

        -- numbers
        stretch_number,
        window_count,
        {{ seconds(milliseconds_between('covered_from', 'covered_through')) }} as covered_seconds,
        {{ seconds(milliseconds_between('previous_covered_through', 'covered_from')) }}
            as gap_before_seconds,

        -- timestamps, UTC
        covered_from,
        covered_through,
        previous_covered_through as gap_started_at

    from stretches_with_neighbours

)

select * from final
