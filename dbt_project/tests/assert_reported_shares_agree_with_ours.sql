{{ config(severity='warn') }}

-- A warning: what Genesys reports a share of depends on the filter of the query it answered.

select
    flow_outcome_key,
    interval_started_at,
    outcome_share,
    reported_share
from {{ ref('audit_outcome_shares') }}
where not is_agreed
