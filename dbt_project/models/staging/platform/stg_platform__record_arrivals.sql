-- Grain: one row per window and time of asking in which a conversation was seen for the first time.

with

conversations as (

    select * from {{ ref('stg_platform__conversation_versions') }}

),

final as (

    select
        -- strings
        'conversation_details' as resource, -- noqa: RF04

        -- numbers
        count(*) as record_count,

        -- timestamps, UTC
        first_window_start as window_start,
        first_window_end as window_end,
        first_extracted_at,
        max(first_loaded_at) as loaded_at

    from conversations
    group by first_window_start, first_window_end, first_extracted_at

)

select * from final
