{#- A model that tells of raw tables when records came: one row per table, window and time of asking
    in which any record was seen for the first time. -#}
{% macro record_arrivals(source_name, tables) -%}
with

committed_loads as (

    select * from {{ ref('stg_loader__loads') }}

),

{% for table in tables %}
{{ table }} as (

    select * from {{ raw_table(source_name, table) }}

),

{% endfor %}
records as (
    {% for table in tables %}
    select
        '{{ table }}' as resource,
        {{ table }}.record_id,
        {{ table }}.window_start,
        {{ table }}.window_end,
        {{ table }}.extracted_at,
        committed_loads.loaded_at
    from {{ table }}
    inner join committed_loads
        on {{ table }}._dlt_load_id = committed_loads.load_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

numbered as (

    select
        *,
        row_number() over (
            partition by resource, record_id order by extracted_at, window_start, loaded_at
        ) as copy_number
    from records

),

final as (

    select
        -- strings
        resource,

        -- numbers
        count(*) as record_count,

        -- timestamps, UTC
        {{ utc('window_start') }} as window_start,
        {{ utc('window_end') }} as window_end,
        {{ utc('extracted_at') }} as first_extracted_at,
        max(loaded_at) as loaded_at

    from numbered
    where copy_number = 1
    group by resource, window_start, window_end, extracted_at

)

select * from final
{%- endmacro %}
