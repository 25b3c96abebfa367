-- Grain: one row per skill that Genesys lists or has listed.

with

skills as (

    select * from {{ ref('int_skills_unioned') }}

),

final as (

    select
        -- ids
        skill_id,

        -- strings
        coalesce(skill_name, {{ unknown_name('skill', 'skill_id') }}) as skill_name,
        state,

        -- booleans
        is_deleted

    from skills

)

select * from final
