{#- Whether a participant's attributes are few enough to be taken apart (ELT_ATTRIBUTES_KILOBYTES): a
    million of them would take the memory of all others. A load has warned of those beyond. -#}
{% macro attributes_within_limit(attributes) -%}
    {{ json_size(attributes) }}
    <= {{ env_var('ELT_ATTRIBUTES_KILOBYTES', '1024') | int * 1024 }}
{%- endmacro %}
