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
        off_queue_ms,
        on_queue_ms,
        presence_ms - offline_ms as logged_in_ms,
        loaded_at
    from {{ ref('stg_platform__user_aggregates') }}

)

select * from platform
