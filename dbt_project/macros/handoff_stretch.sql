{#- In which stretch of time a moment lies, counted from 1970. A stretch is as long as a handoff may
    take, so its two ends lie in one, or in neighbours. -#}
{% macro handoff_stretch(moment) -%}
    {%- set epoch = "cast('1970-01-01 00:00:00' as timestamp)" -%}
    {%- set stretch_ms = [var('handoff_seconds') * 1000, 1] | max -%}
    cast(floor({{ milliseconds_between(epoch, moment) }} / {{ stretch_ms }}.0) as bigint)
{%- endmacro %}


{#- The CTEs that follow one of conversations in stretches; the last is possible_ends, each of them
    once in the stretch that it ends in and in both beside it: what may have followed begins there. -#}
{% macro handoff_ends(relation) -%}
stretches_away as (

    select -1 as stretch_count
    union all
    select 0 as stretch_count
    union all
    select 1 as stretch_count

),

possible_ends as (

    select
        {{ relation }}.*,
        {{ relation }}.ended_stretch + stretches_away.stretch_count as stretch
    from {{ relation }}
    cross join stretches_away

)
{%- endmacro %}
