{{ config(severity='warn', store_failures=true, schema='test_failures') }}

-- A warning: Genesys counts both by itself, and corrects one of them on another night. What is left
-- was read at the same time, of days that are whole, and lies too far apart.

select
    subject_type,
    subject_id,
    media_type,
    report_date,
    metric_name,
    details_count,
    aggregates_count,
    details_seconds,
    aggregates_seconds,
    relative_difference
from {{ ref('audit_reconciliation') }}
where
    reason = 'unexplained'
    and relative_difference > {{ var('reconciliation_tolerance') }}
