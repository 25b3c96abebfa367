-- Grain: one row per flow and former name of an outcome, with the name its counts are shown under.
-- A name may have been changed more than once; lines that go round in a circle end at the smallest.

with recursive

aliases as (

    select
        trim(flow_id) as flow_id,
        trim(old_name) as old_name,
        trim(new_name) as new_name
    from {{ ref('flow_outcome_aliases') }}

),

reached as (

    select
        flow_id,
        old_name,
        new_name
    from aliases

    union

    select
        reached.flow_id,
        reached.old_name,
        aliases.new_name
    from reached
    inner join aliases
        on
            reached.flow_id = aliases.flow_id
            and reached.new_name = aliases.old_name

),

final as (

    select
        reached.flow_id,
        reached.old_name,
        coalesce(
            min(
                case when aliases.old_name is null then {{ by_code_point('reached.new_name') }} end
            ),
            min({{ by_code_point('reached.new_name') }})
        ) as outcome_name
    from reached
    left join aliases
        on
            reached.flow_id = aliases.flow_id
            and reached.new_name = aliases.old_name
    group by reached.flow_id, reached.old_name

)

select * from final
