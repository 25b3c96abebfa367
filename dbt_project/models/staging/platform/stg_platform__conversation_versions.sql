{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='conversation_id',
        on_schema_change='fail',
        indexes=conversation_indexes(),
        made_of={'source': 'platform', 'records_of': ['conversation_details'], 'whole': true}
    )
}}

-- Grain: one row per conversation: which of its versions is the newest, and when it came first.
-- Keys only: choosing among them costs nothing, so it is done at once and not in slices. A
-- conversation that any later load brought is chosen again from all its versions, so neither late
-- nor out-of-order versions are lost.

with

{{ record_versions('platform', 'conversation_details') }},

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by extracted_at desc, payload_hash desc
        ) as version_number,
        row_number() over (
            partition by record_id
            order by extracted_at, window_start, load_id, payload_hash
        ) as arrival_number
    from versions

),

newest as (

    select * from numbered
    where version_number = 1

),

first_seen as (

    select * from numbered
    where arrival_number = 1

),

final as (

    select
        -- ids
        cast(newest.record_id as {{ dbt.type_string() }}) as conversation_id,
        newest.load_id,
        newest.payload_hash,

        -- numbers; how often the newest version was loaded
        newest.copy_count,

        -- timestamps; extracted_at as the raw table has it, which is how the record is found there
        newest.extracted_at,
        {{ utc('first_seen.window_start') }} as first_window_start,
        {{ utc('first_seen.window_end') }} as first_window_end,
        {{ utc('first_seen.extracted_at') }} as first_extracted_at,
        first_seen.loaded_at as first_loaded_at,
        newest.loaded_at

    from newest
    inner join first_seen
        on newest.record_id = first_seen.record_id

)

select * from final
