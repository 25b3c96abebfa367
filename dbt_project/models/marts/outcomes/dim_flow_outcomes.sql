-- Grain: one row per flow outcome that Genesys lists or that an attempt or an aggregate names.

with

definitions as (

    select * from {{ ref('int_flow_outcome_definitions_unioned') }}

),

divisions as (

    select * from {{ ref('int_divisions_unioned') }}

),

used as (

    select flow_outcome_id from {{ ref('int_flow_outcomes_unioned') }}
    where flow_outcome_id is not null
    union
    select flow_outcome_id from {{ ref('int_flow_outcome_counts_unioned') }}
    where flow_outcome_id is not null

),

final as (

    select
        -- ids
        coalesce(definitions.flow_outcome_id, used.flow_outcome_id) as flow_outcome_id,
        definitions.division_id,

        -- strings
        coalesce(
            definitions.flow_outcome_name, {{ unknown_name('outcome', 'used.flow_outcome_id') }},
            definitions.flow_outcome_id
        ) as flow_outcome_name,
        definitions.description,
        divisions.division_name,

        -- booleans
        definitions.flow_outcome_id is not null as is_known,
        coalesce(definitions.is_deleted, false) as is_deleted

    from definitions
    full outer join used
        on definitions.flow_outcome_id = used.flow_outcome_id
    left join divisions
        on definitions.division_id = divisions.division_id

)

select * from final
