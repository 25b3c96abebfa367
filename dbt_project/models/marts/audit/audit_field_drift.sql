-- Grain: one row per resource and top-level field that any of its records ever had, or that a run
-- found in our mapping or at the source.

with

fields as (

    select * from {{ ref('int_record_fields_unioned') }}

),

discovered as (

    select * from {{ ref('stg_loader__discovered_fields') }}

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

numbered_discoveries as (

    select
        resource,
        run_id,
        row_number() over (
            partition by resource order by discovered_at desc, loaded_at desc, run_id desc
        ) as discovery_rank
    from discovered

),

newest_discoveries as (

    select * from numbered_discoveries
    where discovery_rank = 1

),

found as (

    -- A discovery names all that is mapped or live: what it leaves out is neither.
    select
        discovered.resource as resource_name,
        discovered.field_name,
        {{ boolean_any('discovered.run_id = newest_discoveries.run_id and discovered.is_mapped') }}
            as is_mapped,
        {{ boolean_any('discovered.run_id = newest_discoveries.run_id and discovered.is_live') }}
            as is_live
    from discovered
    inner join newest_discoveries
        on discovered.resource = newest_discoveries.resource
    group by discovered.resource, discovered.field_name

),

every_field as (

    select
        resource_name,
        field_name
    from seen
    {{ set_operator('union') }}
    select
        resource_name,
        field_name
    from found

),

final as (

    select
        -- strings
        every_field.resource_name,
        every_field.field_name,

        -- numbers
        coalesce(seen.load_count, 0) as load_count,
        coalesce(seen.record_count, 0) as record_count,

        -- booleans
        seen.first_loaded_at > loads_of_resources.first_loaded_at as is_new,
        seen.last_loaded_at < loads_of_resources.last_loaded_at as is_absent,
        coalesce(
            found.is_mapped, case when newest_discoveries.resource is not null then false end
        ) as is_mapped,
        coalesce(found.is_live, case when newest_discoveries.resource is not null then false end)
            as is_live,

        -- timestamps, UTC
        seen.first_seen_at,
        seen.last_seen_at

    from every_field
    left join seen
        on
            every_field.resource_name = seen.resource_name
            and every_field.field_name = seen.field_name
    left join loads_of_resources
        on every_field.resource_name = loads_of_resources.resource_name
    left join found
        on
            every_field.resource_name = found.resource_name
            and every_field.field_name = found.field_name
    left join newest_discoveries
        on every_field.resource_name = newest_discoveries.resource

)

select * from final
