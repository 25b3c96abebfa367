-- Grain: one row: what of dbt's variables the page has to say.

select
    cast('{{ var('report_time_zone') }}' as {{ dbt.type_string() }}) as report_time_zone,
    cast({{ var('repeat_contact_days') }} as bigint) as repeat_contact_days
