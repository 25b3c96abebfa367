-- Grain: one row per skill that a list has, whichever contract it was read by.

with

platform as (

    select
        skill_id,
        skill_name,
        state,
        is_deleted
    from {{ ref('stg_platform__skills') }}

)

select * from platform
