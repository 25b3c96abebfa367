-- Grain: one row per hour, resource and endpoint that was answered 429.

with

events as (

    select
        *,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as hour_started_at
    from {{ ref('stg_loader__rate_limit_events') }}

),

final as (

    select
        -- strings
        resource,
        endpoint,

        -- numbers
        count(*) as rate_limited_count,
        count(distinct run_id) as run_count,
        count(retry_after_seconds) as retry_after_count,
        max(retry_after_seconds) as longest_retry_after_seconds,
        cast(sum(waited_seconds) as numeric(18, 3)) as waited_seconds,
        min(allowed_count) as lowest_allowed_count,

        -- timestamps, UTC
        hour_started_at,
        min(occurred_at) as first_occurred_at,
        max(occurred_at) as last_occurred_at

    from events
    group by hour_started_at, resource, endpoint

)

select * from final
