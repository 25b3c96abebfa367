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
--
-- Of versions that follow each other with the same content the one that came first stands for all:
-- days are read again and again, and most of what that brings is known to the byte. So nothing that
-- is made of a conversation is made again before it has changed.

with

{{ record_versions('platform', 'conversation_details') }},

numbered as (

    select
        *,
        row_number() over (
            partition by record_id
            order by extracted_at, payload_hash
        ) as version_number,
        row_number() over (
            partition by record_id
            order by extracted_at, window_start, load_id, payload_hash
        ) as first_number
    from versions

),

arrived as (

    select
        *,
        -- A version read earlier may come later; then it is no news.
        case
            when
                version_number = max(version_number) over (
                    partition by record_id
                    order by loaded_at, version_number
                    rows between unbounded preceding and current row
                )
                then 1
            else 0
        end as is_newest_yet
    from numbered

),

compared as (

    select
        *,
        lag(payload_hash) over (
            partition by record_id, is_newest_yet
            order by version_number
        ) as previous_hash
    from arrived

),

chosen as (

    select
        *,
        max(
            case
                when
                    is_newest_yet = 1
                    and (previous_hash is null or previous_hash <> payload_hash)
                    then version_number
            end
        ) over (partition by record_id) as newest_number
    from compared

),

-- Not a join of the newest with the first: Postgres expects a row or two of each, and would compare
-- every conversation with every other.
conversations as (

    select
        record_id,
        max(case when version_number = newest_number then load_id end) as load_id,
        max(case when version_number = newest_number then payload_hash end) as payload_hash,
        max(case when version_number = newest_number then copy_count end) as copy_count,
        max(case when version_number = newest_number then extracted_at end) as extracted_at,
        max(case when version_number = newest_number then loaded_at end) as loaded_at,
        max(case when version_number = newest_number then last_loaded_at end) as last_loaded_at,
        max(case when first_number = 1 then window_start end) as first_window_start,
        max(case when first_number = 1 then window_end end) as first_window_end,
        max(case when first_number = 1 then extracted_at end) as first_extracted_at,
        max(case when first_number = 1 then loaded_at end) as first_loaded_at
    from chosen
    group by record_id

),

final as (

    select
        -- ids
        cast(record_id as {{ dbt.type_string() }}) as conversation_id,
        load_id,
        payload_hash,

        -- numbers; how often the newest version was loaded
        copy_count,

        -- timestamps; extracted_at as the raw table has it, which is how the record is found there
        extracted_at,
        {{ utc('first_window_start') }} as first_window_start,
        {{ utc('first_window_end') }} as first_window_end,
        {{ utc('first_extracted_at') }} as first_extracted_at,
        first_loaded_at,
        loaded_at

    from conversations
    -- Of the others nothing is new, not even a copy.
    where
        ({{ newly_loaded('last_loaded_at') }})
        or ({{ newly_loaded('first_loaded_at') }})

)

select * from final
