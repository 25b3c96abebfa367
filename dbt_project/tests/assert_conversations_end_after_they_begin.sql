{{ config(severity='warn', store_failures=true, schema='test_failures') }}

-- F12. A warning: the conversation is there and counts, but nothing can be said of its duration, or
-- of its place in a journey. The year 9999 stands for "never" in the systems it comes from.

select
    conversation_id,
    started_at,
    ended_at
from {{ ref('fct_interactions') }}
where
    started_at is null
    or ended_at < started_at
    or started_at >= cast('9000-01-01' as timestamp)
    or ended_at >= cast('9000-01-01' as timestamp)
