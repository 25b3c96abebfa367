{#- An id that Genesys gave out more than once in a conversation, told apart: the first keeps it, the
    others have their number behind it. Two of one id would be one row in joins and none in keys. -#}
{% macro id_of_its_own(given_id, id_use) -%}
    case
        when {{ id_use }} = 1 then {{ given_id }}
        else {{ given_id }} || ' (' || cast({{ id_use }} as {{ dbt.type_string() }}) || ')'
    end
{%- endmacro %}
