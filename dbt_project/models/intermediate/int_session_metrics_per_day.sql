{{
    config(
        materialized='incremental',
        incremental_strategy='replace_loads',
        on_schema_change='fail',
        made_of={
            'conversations': 'int_conversations_unioned',
            'counts_by_load': 'metric_name',
            'rules': ['report_time_zone']
        }
    )
}}

-- Grain: one row per load, subject, media type, local date and metric that sessions emitted of
-- conversations whose newest version it brought; and one without a metric, for all its
-- conversations.
-- Each conversation is in one load, so counts can be added up.

{% set subjects = [
    ('queue', 'queue_id', "coalesce(media_type, 'unknown')"),
    ('agent', 'user_id', "coalesce(media_type, 'unknown')"),
    ('flow', 'flow_id', "'all'"),
] %}

with

conversations as (

    select * from {{ ref('int_conversations_unioned') }}
    where {{ newly_loaded() }}

),

sessions as (

    select * from {{ ref('int_sessions_timed') }}
    where {{ newly_loaded() }}

),

metrics as (

    select * from {{ ref('int_session_metrics_unioned') }}
    where
        emitted_at is not null
        and {{ newly_loaded() }}

),

emitted as (

    select
        metrics.metric_name,
        metrics.metric_value,
        metrics.loaded_at,
        sessions.participant_purpose,
        sessions.media_type,
        sessions.queue_id,
        sessions.user_id,
        sessions.flow_id,
        {{ local_date('metrics.emitted_at', var('report_time_zone')) }} as emitted_date
    from metrics
    inner join sessions
        on
            metrics.conversation_id = sessions.conversation_id
            and metrics.session_id = sessions.session_id

),

emitted_by_subject as (

    -- A metric of an agent's session counts for the agent and for the queue. Flows are counted in
    -- all media types together.
    {% for subject, id_column, media_type in subjects %}

        select
            '{{ subject }}' as subject_type,
            {{ id_column }} as subject_id,
            {{ media_type }} as media_type,
            metric_name,
            metric_value,
            emitted_date,
            loaded_at
        from emitted
        where
            {{ id_column }} is not null
            and metric_name in ({{ metrics_of(subject) }})
            {% if subject != 'flow' %}
                and participant_purpose in ('acd', 'agent', 'user')
            {% endif %}

        {{ 'union all' if not loop.last }}
    {% endfor %}

),

metrics_counted as (

    select
        subject_type,
        subject_id,
        media_type,
        metric_name,
        cast(null as bigint) as conversation_count,
        cast(
            sum(case when metric_name like 'n%' then metric_value else 1 end) as bigint
        ) as metric_count,
        cast(
            sum(
                case
                    when metric_name in ({{ metrics_of('queue', timed=true) }}) then metric_value
                end
            ) as bigint
        ) as metric_ms,
        emitted_date,
        loaded_at
    from emitted_by_subject
    group by subject_type, subject_id, media_type, metric_name, emitted_date, loaded_at

),

conversations_counted as (

    select
        cast(null as {{ dbt.type_string() }}) as subject_type,
        cast(null as {{ dbt.type_string() }}) as subject_id,
        cast(null as {{ dbt.type_string() }}) as media_type,
        cast(null as {{ dbt.type_string() }}) as metric_name,
        count(*) as conversation_count,
        cast(null as bigint) as metric_count,
        cast(null as bigint) as metric_ms,
        cast(null as date) as emitted_date,
        loaded_at
    from conversations
    group by loaded_at

),

joined as (

    select * from metrics_counted
    union all
    select * from conversations_counted

),

final as (

    select
        -- ids
        subject_id,

        -- strings
        subject_type,
        media_type,
        metric_name,
        cast('{{ rules_version(['report_time_zone']) }}' as {{ dbt.type_string() }})
            as rules_version,

        -- numbers
        conversation_count,
        metric_count,
        metric_ms,

        -- dates
        emitted_date,

        -- timestamps, UTC
        loaded_at

    from joined

)

select * from final
