{{
    config(
        materialized='incremental',
        incremental_strategy='replace_windows',
        on_schema_change='fail',
        made_of={'reads_of': 'guides_flow_outcomes'}
    )
}}

-- depends_on: {{ ref('stg_loader__extract_windows') }}
-- Grain: one row per flow, outcome by its name then, and bucket in which an attempt was set.

with

{{ newest_answers('guides', 'guides_flow_outcomes') }},

records as (

    select
        window_attempt_id,
        loaded_at,
        {{ json_record('payload_json', ['flow-id', 'interval'], nodes=['metrics']) }} as record,
        row_number() over (
            partition by window_attempt_id, record_id order by payload_hash desc
        ) as copy_number
    from documents

),

buckets as (

    select
        window_attempt_id,
        loaded_at,
        {{ json_field('record', 'flow-id') }} as flow_id,
        {{ timestamp_from_text(dbt.split_part(json_field('record', 'interval'), "'/'", 1)) }}
            as bucket_started_at,
        {{ timestamp_from_text(dbt.split_part(json_field('record', 'interval'), "'/'", 2)) }}
            as bucket_ended_at,
        {{ json_record(
            json_node_field('record', 'metrics'), [], nodes=['flow-outcomes']
        ) }} as metrics
    from records
    where copy_number = 1

),

{{ newest_buckets() }},

outcomes as (

    -- Names are keys of an object, whatever the flow's author called them.
    select
        newest_buckets.flow_id,
        newest_buckets.bucket_started_at,
        newest_buckets.bucket_ended_at,
        newest_buckets.loaded_at,
        outcome.key as outcome_name,
        {{ json_record(json_parse('outcome.value'), ['count', 'percentOfTotal']) }} as record
    from
        {{ json_object_entries(
            'newest_buckets', json_node_field('newest_buckets.metrics', 'flow-outcomes'), 'outcome'
        ) }}

),

renamed as (

    select
        -- ids
        flow_id,

        -- strings
        outcome_name,

        -- numbers
        {{ try_bigint(json_field('record', 'count')) }} as outcome_count,
        {{ try_double(json_field('record', 'percentOfTotal')) }} as reported_share,

        -- timestamps, UTC
        bucket_started_at,
        bucket_ended_at,
        loaded_at

    from outcomes

)

select * from renamed
