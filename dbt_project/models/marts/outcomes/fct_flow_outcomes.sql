-- Grain: one row per flow, outcome name, kind of interval and interval; also one for each expected
-- outcome that is missing in an interval that was read, or in which its flow has rows.
-- A table: a renamed outcome takes its whole series along.

{% set kinds = ['hour', 'day', 'month'] %}

with

{{ placed_in_intervals('int_flow_outcome_counts_unioned', 'outcomes', kinds) }},

{{ placed_in_intervals('int_flow_outcomes_expected', 'looked_for', kinds) }},

names as (

    select * from {{ ref('int_flow_outcome_names_resolved') }}

),

expected as (

    select
        trim(flow_id) as flow_id,
        trim(outcome_name) as outcome_name
    from {{ ref('expected_flow_outcomes') }}

),

named as (

    select
        outcomes_placed.*,
        coalesce(names.outcome_name, outcomes_placed.outcome_name) as current_name,
        names.outcome_name is not null as is_renamed
    from outcomes_placed
    left join names
        on
            outcomes_placed.flow_id = names.flow_id
            and outcomes_placed.outcome_name = names.old_name

),

summed as (

    select
        flow_id,
        current_name as outcome_name,
        interval_kind,
        interval_started_at,
        case when min(flow_outcome_id) = max(flow_outcome_id) then min(flow_outcome_id) end
            as flow_outcome_id,
        cast(sum(outcome_count) as bigint) as outcome_count,
        cast(sum(success_count) as bigint) as success_count,
        cast(sum(failure_count) as bigint) as failure_count,
        cast(sum(timed_count) as bigint) as timed_count,
        cast(sum(duration_ms) as bigint) as duration_ms,
        sum(reported_share) as reported_share,
        min(bucket_started_at) as first_bucket_started_at,
        max(bucket_started_at) as last_bucket_started_at,
        max(bucket_ended_at) as last_bucket_ended_at,
        {{ boolean_any('is_renamed') }} as is_alias_applied,
        max(loaded_at) as loaded_at
    from named
    group by flow_id, current_name, interval_kind, interval_started_at

),

intervals_of_flows as (

    select
        flow_id,
        interval_kind,
        interval_started_at,
        cast(sum(outcome_count) as bigint) as flow_outcome_count,
        max(loaded_at) as loaded_at
    from summed
    group by flow_id, interval_kind, interval_started_at

),

looked_for as (

    select
        flow_id,
        interval_kind,
        interval_started_at,
        outcome_name,
        max(loaded_at) as loaded_at
    from looked_for_placed
    group by flow_id, interval_kind, interval_started_at, outcome_name

),

wanted as (

    select
        flow_id,
        interval_kind,
        interval_started_at,
        outcome_name
    from summed

    {{ set_operator('union') }}

    select
        flow_id,
        interval_kind,
        interval_started_at,
        outcome_name
    from looked_for

    {{ set_operator('union') }}

    select
        intervals_of_flows.flow_id,
        intervals_of_flows.interval_kind,
        intervals_of_flows.interval_started_at,
        expected.outcome_name
    from intervals_of_flows
    inner join expected
        on intervals_of_flows.flow_id = expected.flow_id

),

bounded as (

    select
        wanted.*,
        {{ interval_ended_at('wanted.interval_kind', 'wanted.interval_started_at') }}
            as interval_ended_at
    from wanted

),

final as (

    select
        -- ids
        bounded.flow_id || '_' || bounded.outcome_name as flow_outcome_key,
        bounded.flow_id,
        summed.flow_outcome_id,

        -- strings
        bounded.outcome_name,
        bounded.interval_kind,

        -- numbers
        summed.outcome_count,
        summed.success_count,
        summed.failure_count,
        coalesce(intervals_of_flows.flow_outcome_count, 0) as flow_outcome_count,
        {{ ratio('summed.outcome_count', 'intervals_of_flows.flow_outcome_count') }}
            as outcome_share,
        case
            -- A share belongs to the very bucket that it was reported for.
            when
                summed.first_bucket_started_at = summed.last_bucket_started_at
                and summed.first_bucket_started_at = bounded.interval_started_at
                and summed.last_bucket_ended_at = bounded.interval_ended_at
                then summed.reported_share
        end as reported_share,
        {{ seconds('summed.duration_ms') }} as duration_seconds,
        {{ ratio('summed.duration_ms', 'summed.timed_count * 1000') }}
            as average_duration_seconds,

        -- booleans
        expected.outcome_name is not null as is_expected,
        summed.outcome_name is null as is_missing,
        coalesce(summed.is_alias_applied, false) as is_alias_applied,

        -- dates
        {{ local_date('bounded.interval_started_at', var('report_time_zone')) }} as report_date,

        -- timestamps, UTC
        bounded.interval_started_at,
        bounded.interval_ended_at,
        coalesce(summed.loaded_at, intervals_of_flows.loaded_at, looked_for.loaded_at) as loaded_at

    from bounded
    left join intervals_of_flows
        on
            bounded.flow_id = intervals_of_flows.flow_id
            and bounded.interval_kind = intervals_of_flows.interval_kind
            and bounded.interval_started_at = intervals_of_flows.interval_started_at
    left join summed
        on
            bounded.flow_id = summed.flow_id
            and bounded.outcome_name = summed.outcome_name
            and bounded.interval_kind = summed.interval_kind
            and bounded.interval_started_at = summed.interval_started_at
    left join looked_for
        on
            bounded.flow_id = looked_for.flow_id
            and bounded.outcome_name = looked_for.outcome_name
            and bounded.interval_kind = looked_for.interval_kind
            and bounded.interval_started_at = looked_for.interval_started_at
    left join expected
        on
            bounded.flow_id = expected.flow_id
            and bounded.outcome_name = expected.outcome_name

)

select * from final
