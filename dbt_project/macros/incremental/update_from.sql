{#- Post-hook of an incremental model: gives columns the values they have in another model, in the rows
    in which they differ. For what an old row is told by new ones, or by time: whoever rebuilt it
    with its load only would leave it as it was. -#}
{% macro update_from(relation, key, columns) -%}
    {{ return(adapter.dispatch('update_from', 'genesys')(relation, key, columns)) }}
{%- endmacro %}

{% macro default__update_from(relation, key, columns) -%}
    update {{ this }} as target
    set
        {% for column in columns -%}
        {{ column }} = source.{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ relation }} as source
    where
        target.{{ key }} = source.{{ key }}
        and (
            {% for column in columns -%}
            {{ 'or ' if not loop.first }}target.{{ column }} is distinct from source.{{ column }}
            {% endfor -%}
        )
{%- endmacro %}
