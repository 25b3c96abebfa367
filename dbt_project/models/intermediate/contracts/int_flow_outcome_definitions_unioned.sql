-- Grain: one row per flow outcome that a list has, whichever contract it was read by.

with

platform as (

    select
        flow_outcome_id,
        division_id,
        flow_outcome_name,
        description,
        is_deleted
    from {{ ref('stg_platform__flow_outcome_definitions') }}

)

select * from platform
