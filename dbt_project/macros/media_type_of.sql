{#- The media type, as the Platform API calls it, of a type of conversation as the guides do. -#}
{% macro media_type_of(conversation_type) -%}
    case {{ conversation_type }} when 'CALL' then 'voice' else lower({{ conversation_type }}) end
{%- endmacro %}
