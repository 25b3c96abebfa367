-- Grain: one row per flow and former name of an outcome, with the name its counts are shown under.
-- A name may have been changed more than once; lines that go round in a circle end at the smallest.

with

reached as (

    select * from {{ ref('int_flow_outcome_names_reached') }}

),

former_names as (

    select
        flow_id,
        old_name
    from reached
    group by flow_id, old_name

),

final as (

    select
        reached.flow_id,
        reached.old_name,
        coalesce(
            min(
                case
                    when former_names.old_name is null then {{ by_code_point('reached.new_name') }}
                end
            ),
            min({{ by_code_point('reached.new_name') }})
        ) as outcome_name
    from reached
    left join former_names
        on
            reached.flow_id = former_names.flow_id
            and reached.new_name = former_names.old_name
    group by reached.flow_id, reached.old_name

)

select * from final
