-- Grain: one row per outcome and interval for which Genesys reported a share.

with

outcomes as (

    select * from {{ ref('fct_flow_outcomes') }}
    where reported_share is not null

),

final as (

    select
        -- ids
        flow_outcome_key,
        flow_id,

        -- strings
        outcome_name,
        interval_kind,

        -- numbers
        outcome_count,
        flow_outcome_count,
        outcome_share,
        reported_share,
        reported_share - outcome_share as share_difference,

        -- booleans; nothing counted at all has no share of ours to agree with
        coalesce(
            abs(reported_share - outcome_share) <= {{ var('outcome_share_tolerance') }},
            reported_share = 0
        ) as is_agreed,

        -- timestamps, UTC
        interval_started_at

    from outcomes

)

select * from final
