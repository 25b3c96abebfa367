-- Grain: one row per number of contacts that people had, on all days; 10 stands for more, too.

with

steps as (

    select * from {{ ref('fct_journey_steps') }}

),

contacts_per_person as (

    select
        canonical_contact_id,
        max(node_number) as contact_count
    from steps
    group by canonical_contact_id

),

bounded as (

    select case when contact_count > 10 then 10 else contact_count end as contact_count
    from contacts_per_person

),

final as (

    select
        -- numbers
        contact_count,
        count(*) as person_count

    from bounded
    group by contact_count

)

select * from final
