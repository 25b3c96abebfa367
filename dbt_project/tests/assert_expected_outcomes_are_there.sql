{{ config(severity='warn') }}

-- A warning: a flow may well have run without one of its outcomes, and the load is none the worse.
-- Days only, for an hour has the right to be quiet.

select
    flow_outcome_key,
    report_date
from {{ ref('fct_flow_outcomes') }}
where is_missing and interval_kind = 'day'
