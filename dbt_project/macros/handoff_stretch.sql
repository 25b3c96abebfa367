{#- In which stretch of time a moment lies, counted from 1970. A stretch is as long as a handoff may
    take, so its two ends lie in one, or in neighbours. -#}
{% macro handoff_stretch(moment) -%}
    {%- set epoch = "cast('1970-01-01 00:00:00' as timestamp)" -%}
    {%- set stretch_ms = [var('handoff_seconds') * 1000, 1] | max -%}
    cast(floor({{ milliseconds_between(epoch, moment) }} / {{ stretch_ms }}.0) as bigint)
{%- endmacro %}
