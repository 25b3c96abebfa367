-- Grain: one row per resource and top-level field that any of its records ever had.

with

fields as (

    select * from {{ ref('int_record_fields_unioned') }}

),

loads_of_resources as (

    select
        resource_name,
        min(loaded_at) as first_loaded_at,
        max(loaded_at) as last_loaded_at
    from fields
    group by resource_name

),

seen as (

    select
        resource_name,
        field_name,
        count(*) as load_count,
        cast(sum(record_count) as bigint) as record_count,
        min(first_extracted_at) as first_seen_at,
        max(last_extracted_at) as last_seen_at,
        min(loaded_at) as first_loaded_at,
        max(loaded_at) as last_loaded_at
    from fields
    group by resource_name, field_name

),

final as (

    select
        -- strings
        seen.resource_name,
        seen.field_name,

        -- numbers
        seen.load_count,
        seen.record_count,

        -- booleans
        seen.first_loaded_at > loads_of_resources.first_loaded_at as is_new,
        seen.last_loaded_at < loads_of_resources.last_loaded_at as is_absent,

        -- timestamps, UTC
        seen.first_seen_at,
        seen.last_seen_at

    from seen
    inner join loads_of_resources
        on seen.resource_name = loads_of_resources.resource_name

)

select * from final
