-- Grain: one row per metric that a session emitted, whichever contract it was read by.

with

platform as (

    select
        conversation_id,
        session_id,
        metric_name,
        metric_number,
        metric_value,
        emitted_at,
        loaded_at
    from {{ ref('stg_platform__session_metrics') }}

)

select * from platform
