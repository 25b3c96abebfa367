{#- The phone number in an address, without its scheme; null where it is none, as `anonymous`. -#}
{% macro phone_number(address) -%}
    case
        when {{ matches(address, 'tel:[+]?[0-9].*') }} then replace({{ address }}, 'tel:', '')
        when {{ matches(address, '[+]?[0-9]{3,20}') }} then {{ address }}
    end
{%- endmacro %}
