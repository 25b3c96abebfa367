-- Grain: one row per division that a list has, whichever contract it was read by.

with

platform as (

    select
        division_id,
        division_name,
        is_home_division,
        is_deleted
    from {{ ref('stg_platform__divisions') }}

)

select * from platform
