-- Grain: one row per attribute name of the registry. Of names that nobody registered nobody knows
-- what they hold: they are not shown.

with

attribute_catalog as (

    select * from {{ ref('audit_attribute_catalog') }}
    where is_registered

),

final as (

    select
        -- strings
        attribute_name,

        -- numbers
        conversation_count,
        cast(fill_rate as {{ sql_type('double precision') }}) as fill_rate,
        failed_cast_count

    from attribute_catalog

)

select * from final
