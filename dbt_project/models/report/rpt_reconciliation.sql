-- Grain: one row per metric and day that the details or Genesys' aggregates counted: how many of
-- its numbers (one per queue, agent or flow, and channel) agree to the unit.

with

compared as (

    select * from {{ ref('audit_reconciliation') }}

),

final as (

    select
        -- strings
        metric_name,

        -- numbers
        count(*) as number_count,
        cast(sum(case when reason is null then 1 else 0 end) as bigint) as agreeing_count,
        cast(
            sum(case when reason <> 'unexplained' then 1 else 0 end) as bigint
        ) as explained_count,
        cast(
            sum(case when reason = 'unexplained' then 1 else 0 end) as bigint
        ) as unexplained_count,
        cast(sum(details_count) as bigint) as details_count,
        cast(sum(aggregates_count) as bigint) as aggregates_count,

        -- dates
        report_date

    from compared
    group by metric_name, report_date

)

select * from final
