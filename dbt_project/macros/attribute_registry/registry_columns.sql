{#- The two select lists of dim_participant_attributes. In macros, so that what the linter sees
    does not depend on which registry the database holds. -#}

{#- Aggregates per participant: each column's value, and whether the participant has it at all. -#}
{% macro registry_aggregates() -%}
    {%- set types = attribute_types() -%}
    {%- for column, lines in attribute_columns().items() -%}
        {%- set value = types[lines[0].data_type].value -%}
        {%- set chosen = "case when column_name = '" ~ column ~ "' then " ~ value ~ " end" -%}
        {%- if lines[0].data_type == 'boolean' %}
        {{ boolean_any(chosen) }} as {{ adapter.quote(stored_name(column)) }},
        {%- else %}
        max({{ chosen }}) as {{ adapter.quote(stored_name(column)) }},
        {%- endif %}
        max(case when column_name = '{{ column }}' then 1 else 0 end) as _is_present_{{ loop.index }},
    {%- endfor %}
{%- endmacro %}


{#- The final columns, each begun by a comma. The default stands in where the participant lacks the
    attribute, if the column is for participants of its purpose. -#}
{% macro registry_columns(participants, attributes) -%}
    {%- set types = attribute_types() -%}
    {%- for column, lines in attribute_columns().items() -%}
        {%- set type = sql_type(types[lines[0].data_type].sql) -%}
        {%- set default_value = lines[0].default_value -%}
        {%- set purposes = lines | map(attribute='participant_purpose') | list -%}
        , cast(
            case
                when {{ attributes }}._is_present_{{ loop.index }} = 1
                    then {{ attributes }}.{{ adapter.quote(stored_name(column)) }}
                {%- if default_value is not none %}
                when
                    {%- if none in purposes %}
                    true
                    {%- else %}
                    {{ participants }}.participant_purpose in ('{{ purposes | join("', '") }}')
                    {%- endif %}
                    then cast({{ text_literal(default_value) }} as {{ type }})
                {%- endif %}
            end as {{ type }}
        ) as {{ adapter.quote(stored_name(column)) }}
    {%- endfor %}
{%- endmacro %}
