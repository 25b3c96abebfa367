{{ config(severity='warn') }}

-- Straight from Genesys's metrics, by no way that the marts go. A warning: a record may lack a
-- metric, and Genesys corrects them on another night than sessions.

with

metrics_per_conversation as (

    select
        conversation_id,
        sum(case when metric_name = 'nOffered' then metric_value else 0 end) as offered_count,
        count(case when metric_name = 'tAnswered' then 1 end) as answered_count,
        count(case when metric_name = 'tAbandon' then 1 end) as abandoned_count
    from {{ ref('stg_platform__session_metrics') }}
    group by conversation_id

),

visits_per_conversation as (

    select
        conversation_id,
        count(*) as offered_count,
        count(case when is_answered then 1 end) as answered_count,
        count(case when is_abandoned then 1 end) as abandoned_count
    from {{ ref('fct_queue_visits') }}
    where counts_source = 'metrics'
    group by conversation_id

)

select
    metrics_per_conversation.conversation_id,
    metrics_per_conversation.offered_count,
    metrics_per_conversation.answered_count,
    metrics_per_conversation.abandoned_count,
    visits_per_conversation.offered_count as visit_count,
    visits_per_conversation.answered_count as answered_visit_count,
    visits_per_conversation.abandoned_count as abandoned_visit_count
from metrics_per_conversation
left join visits_per_conversation
    on metrics_per_conversation.conversation_id = visits_per_conversation.conversation_id
where
    metrics_per_conversation.offered_count
    <> coalesce(visits_per_conversation.offered_count, 0)
    or metrics_per_conversation.answered_count
    <> coalesce(visits_per_conversation.answered_count, 0)
    or metrics_per_conversation.abandoned_count
    <> coalesce(visits_per_conversation.abandoned_count, 0)
