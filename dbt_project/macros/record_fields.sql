{#- The query of a contract's record_fields: one row per resource, load and top-level field of its
    records. Incremental by load: a load that is committed never changes. -#}
{% macro record_fields(source_name, table_names) -%}
with

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}
    where {{ newly_loaded() }}

),

records as (
    {% for table_name in table_names %}
    select
        '{{ table_name }}' as resource_name,
        source.record_id,
        source.extracted_at,
        source._dlt_load_id as load_id,
        committed_loads.loaded_at,
        {{ json_key_list('source.payload') }} as field_names
    from {{ raw_table(source_name, table_name) }} as source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id
    where {{ newly_loaded_files('source._dlt_load_id') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

records_per_shape as {{ computed_once() }} (

    -- Records of a resource have few different sets of fields, so those are taken apart and not
    -- each record.
    select
        resource_name,
        load_id,
        loaded_at,
        record_id,
        field_names,
        min(extracted_at) as first_extracted_at,
        max(extracted_at) as last_extracted_at
    from records
    group by resource_name, load_id, loaded_at, record_id, field_names

),

shapes as (

    select
        resource_name,
        load_id,
        loaded_at,
        field_names,
        count(*) as record_count,
        min(first_extracted_at) as first_extracted_at,
        max(last_extracted_at) as last_extracted_at
    from records_per_shape
    group by resource_name, load_id, loaded_at, field_names

),

fields as (

    select
        shapes.resource_name,
        shapes.load_id,
        shapes.loaded_at,
        field.key as field_name,
        sum(shapes.record_count) as record_count,
        min(shapes.first_extracted_at) as first_extracted_at,
        max(shapes.last_extracted_at) as last_extracted_at
    from {{ listed_keys('shapes', 'shapes.field_names', 'field') }}
    group by shapes.resource_name, shapes.load_id, shapes.loaded_at, field.key

),

records_of_several_shapes as (

    select
        resource_name,
        load_id,
        record_id
    from records_per_shape
    group by resource_name, load_id, record_id
    having count(*) > 1

),

further_shapes as (

    select records_per_shape.*
    from records_per_shape
    inner join records_of_several_shapes
        on
            records_per_shape.resource_name = records_of_several_shapes.resource_name
            and records_per_shape.load_id = records_of_several_shapes.load_id
            and records_per_shape.record_id = records_of_several_shapes.record_id

),

counted_again as (

    -- A record that one load holds twice, with other fields, counts once in those it has twice.
    select
        further_shapes.resource_name,
        further_shapes.load_id,
        field.key as field_name,
        count(*) - count(distinct further_shapes.record_id) as record_count
    from {{ listed_keys('further_shapes', 'further_shapes.field_names', 'field') }}
    group by further_shapes.resource_name, further_shapes.load_id, field.key

),

final as (

    select
        -- ids
        fields.load_id,

        -- strings
        fields.resource_name,
        fields.field_name,

        -- numbers
        cast(fields.record_count - coalesce(counted_again.record_count, 0) as bigint)
            as record_count,

        -- timestamps, UTC
        {{ utc('fields.first_extracted_at') }} as first_extracted_at,
        {{ utc('fields.last_extracted_at') }} as last_extracted_at,
        fields.loaded_at

    from fields
    left join counted_again
        on
            fields.resource_name = counted_again.resource_name
            and fields.load_id = counted_again.load_id
            and fields.field_name = counted_again.field_name

)

select * from final
{%- endmacro %}
