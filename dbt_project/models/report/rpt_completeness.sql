-- Grain: one row per resource and day that any of its windows touches.

with

days as (

    select * from {{ ref('audit_day_completeness') }}

),

final as (

    select
        -- strings
        resource,

        -- numbers, to be added up over days
        cast(1 as bigint) as day_count,
        cast(case when is_covered then 1 else 0 end as bigint) as covered_day_count,
        cast(case when is_complete then 1 else 0 end as bigint) as complete_day_count,

        -- dates
        report_date

    from days

)

select * from final
