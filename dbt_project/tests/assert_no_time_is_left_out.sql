-- From the first day to the watermark every minute was read. The remedy for a row is
-- `python -m loader reload --only <resource> --from <gap_started_at> --to <covered_from>`.

select
    resource,
    gap_started_at,
    covered_from
from {{ ref('audit_window_coverage') }}
where gap_before_seconds > 0
