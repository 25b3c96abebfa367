-- Grain: one row per resource that was read.

with

windows as (

    select * from {{ ref('audit_extract_windows') }}

),

final as (

    select
        -- strings
        resource,

        -- numbers
        cast(sum(record_count) as bigint) as record_count,
        cast(sum(quarantined_count) as bigint) as quarantined_count,
        cast(sum(rate_limited_count) as bigint) as rate_limited_count,
        cast(sum(case when status = 'failed' then 1 else 0 end) as bigint) as failed_count,

        -- timestamps, UTC
        max(case when status = 'loaded' then window_end end) as loaded_through,
        max(case when status = 'loaded' then finished_at end) as read_at

    from windows
    group by resource

)

select * from final
