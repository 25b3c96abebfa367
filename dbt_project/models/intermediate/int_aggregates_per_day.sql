{{
    config(
        materialized='incremental',
        incremental_strategy='replace_intervals',
        on_schema_change='fail',
        made_of={
            'reads_of': ['queue_aggregates', 'agent_aggregates', 'flow_aggregates'],
            'period': 'day',
            'rules': ['report_time_zone']
        }
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per subject, media type, local day and metric that Genesys counted.
-- Incremental by the days that were read, as fct_queue_intervals is.

with

{{ placed_in_intervals('int_queue_intervals_unioned', 'queue', ['day']) }},

{{ placed_in_intervals('int_agent_intervals_unioned', 'agent', ['day']) }},

{{ placed_in_intervals('int_flow_outcome_counts_unioned', 'flow', ['day']) }},

{{ metrics_per_day('queue', 'queue_id') }},

{{ metrics_per_day('agent', 'user_id') }},

{{ metrics_per_day('flow', 'flow_id', "'all'") }},

joined as (

    select * from queue_metrics
    union all
    select * from agent_metrics
    union all
    select * from flow_metrics

),

final as (

    select
        -- ids
        subject_id,

        -- strings
        subject_type,
        media_type,
        metric_name,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        metric_count,
        metric_ms,

        -- dates
        {{ local_date('interval_started_at', var('report_time_zone')) }} as report_date,

        -- timestamps, UTC
        interval_started_at,
        loaded_at

    from joined
    -- What has nothing is absent, in the answer too.
    where metric_count <> 0 or metric_ms <> 0

)

select * from final
