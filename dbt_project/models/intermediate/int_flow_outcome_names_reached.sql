{{
    config(
        materialized='closure',
        made_of={'pair': ['old_name', 'new_name'], 'same': ['flow_id']}
    )
}}

-- Grain: one row per flow, former name of an outcome and name that renamings lead to from it.

select
    trim(flow_id) as flow_id,
    trim(old_name) as old_name,
    trim(new_name) as new_name
from {{ ref('flow_outcome_aliases') }}
