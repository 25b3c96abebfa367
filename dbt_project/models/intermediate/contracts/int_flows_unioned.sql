-- Grain: one row per flow that a list has, whichever contract it was read by.

with

platform as (

    select
        flow_id,
        division_id,
        flow_name,
        flow_type,
        description,
        is_active,
        is_deleted
    from {{ ref('stg_platform__flows') }}

)

select * from platform
