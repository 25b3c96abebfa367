-- Grain: one row per user and bucket, whichever contract it was read by.

with

platform as (

    select
        user_id,
        bucket_started_at,
        bucket_ended_at,
        interacting_ms,
        communicating_ms,
        idle_ms,
        not_responding_ms,
        -- The routing status OFF_QUEUE also holds for who is not there at all.
        presence_ms - offline_ms - on_queue_ms as off_queue_ms,
        on_queue_ms,
        presence_ms - offline_ms as logged_in_ms,
        loaded_at
    from {{ ref('stg_platform__user_aggregates') }}

),

guides as (

    -- A report has a row for who handled anything, too: without any status, none is known. Its time
    -- off queue is a routing status, which goes on while nobody is logged in.
    select
        user_id,
        bucket_started_at,
        bucket_ended_at,
        interacting_ms,
        communicating_ms,
        idle_ms,
        not_responding_ms,
        cast(null as bigint) as off_queue_ms,
        cast(null as bigint) as on_queue_ms,
        cast(null as bigint) as logged_in_ms,
        loaded_at
    from {{ ref('stg_guides__agent_intervals') }}
    where
        coalesce(interacting_ms, 0) + coalesce(communicating_ms, 0) + coalesce(idle_ms, 0)
        + coalesce(not_responding_ms, 0) + coalesce(off_queue_ms, 0)
        > 0

),

final as (

    select * from platform
    union all
    select * from guides

)

select * from final
