{{ config(severity='warn', store_failures=true, schema='test_failures') }}

-- G10. A warning: an integrator has begun to send something else. The text is kept; its typed value
-- is null until the registry says another type.

select
    attribute_name,
    column_name,
    data_type,
    count(*) as failed_count,
    min(conversation_started_at) as first_failed_at,
    max(conversation_started_at) as last_failed_at
from {{ ref('fct_participant_attributes') }}
where not is_cast_ok
group by attribute_name, column_name, data_type
