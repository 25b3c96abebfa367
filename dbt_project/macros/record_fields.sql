{#- The query of a contract's record_fields: one row per resource, load and top-level field of its
    records. Incremental by load: a load that is committed never changes. -#}
{% macro record_fields(source_name, table_names) -%}
with

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}
    where {{ newly_loaded() }}

),

records as {{ computed_once() }} (
    {% for table_name in table_names %}
    select
        '{{ table_name }}' as resource_name,
        source.record_id,
        source.extracted_at,
        source._dlt_load_id as load_id,
        committed_loads.loaded_at,
        {{ json_parse('source.payload') }} as payload_json
    from {{ raw_table(source_name, table_name) }} as source
    inner join committed_loads
        on source._dlt_load_id = committed_loads.load_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

fields as (

    select
        records.resource_name,
        records.record_id,
        records.extracted_at,
        records.load_id,
        records.loaded_at,
        field.key as field_name
    from {{ json_object_keys('records', 'records.payload_json', 'field') }}

),

final as (

    select
        -- ids
        load_id,

        -- strings
        resource_name,
        field_name,

        -- numbers
        count(distinct record_id) as record_count,

        -- timestamps, UTC
        min({{ utc('extracted_at') }}) as first_extracted_at,
        max({{ utc('extracted_at') }}) as last_extracted_at,
        loaded_at

    from fields
    group by load_id, resource_name, field_name, loaded_at

)

select * from final
{%- endmacro %}
