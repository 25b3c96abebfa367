with

names as (

    select attribute_name
    from {{ ref('fct_participant_attributes') }}
    group by attribute_name

),

catalog as (

    select attribute_name
    from {{ ref('audit_attribute_catalog') }}
    where participant_count > 0

)

select
    names.attribute_name,
    catalog.attribute_name as catalog_name
from names
full outer join catalog
    on names.attribute_name = catalog.attribute_name
where names.attribute_name is null or catalog.attribute_name is null
