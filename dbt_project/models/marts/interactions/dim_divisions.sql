-- Grain: one row per division that Genesys lists or that anything listed lies in.

with

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select division_id from {{ ref('int_queues_unioned') }}
    where division_id is not null
    union
    select division_id from {{ ref('int_users_unioned') }}
    where division_id is not null
    union
    select division_id from {{ ref('int_flows_unioned') }}
    where division_id is not null
    union
    select division_id from {{ ref('int_flow_outcome_definitions_unioned') }}
    where division_id is not null
    union
    select division_id from {{ ref('int_wrapup_codes_unioned') }}
    where division_id is not null

),

final as (

    select
        -- ids
        coalesce(divisions.division_id, used.division_id) as division_id,

        -- strings
        coalesce(
            divisions.division_name,
            {{ unknown_name('division', 'coalesce(divisions.division_id, used.division_id)') }}
        ) as division_name,

        -- booleans
        divisions.division_id is not null as is_known,
        coalesce(divisions.is_home_division, false) as is_home_division,
        coalesce(divisions.is_deleted, false) as is_deleted

    from divisions
    full outer join used
        on divisions.division_id = used.division_id

)

select * from final
