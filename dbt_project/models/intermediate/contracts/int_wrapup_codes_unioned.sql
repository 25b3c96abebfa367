-- Grain: one row per wrap-up code that a list has, whichever contract it was read by.

with

platform as (

    select
        wrapup_code_id,
        division_id,
        wrapup_code_name,
        description,
        is_deleted
    from {{ ref('stg_platform__wrapup_codes') }}

)

select * from platform
