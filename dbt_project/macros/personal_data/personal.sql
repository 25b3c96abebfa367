{#- A personal column of a mart as seeds/pii_policy.csv wants it: kept, hashed or null. The list of
    such columns is personal_columns(); a column that is not in it is a mistake of the model's. A
    list needs the salt beside it, as a column. -#}
{% macro personal(model_name, column_name, expression, salt=none) -%}
    {%- if column_name not in personal_columns().get(model_name, []) -%}
        {{ exceptions.raise_compiler_error(
            model_name ~ "." ~ column_name ~ " is not in personal_columns(); add it there and "
            ~ "to dbt_project/seeds/pii_policy.csv"
        ) }}
    {%- endif -%}
    {%- set treatment = pii_treatments().get(model_name ~ '.' ~ column_name, 'hash') -%}
    {%- if treatment == 'keep' -%}
        {{ expression }}
    {%- elif treatment == 'drop' -%}
        cast(null as {{ dbt.type_string() }})
    {%- elif column_name in personal_lists() -%}
        {{ hashed_list(expression, salt) }}
    {%- else -%}
        {{ hashed(expression) }}
    {%- endif -%}
{%- endmacro %}


{#- The personal columns of marts, each with a line in seeds/pii_policy.csv and marked
    is_pii in its yml. What the attribute registry calls personal has its answer there. -#}
{% macro personal_columns() -%}
    {{ return({
        'bridge_contact_external_ids': ['external_id'],
        'dim_contacts': [
            'first_name', 'middle_name', 'last_name', 'title', 'emails', 'phones', 'external_ids',
        ],
        'dim_users': ['user_name', 'email', 'title'],
        'fct_interactions': ['ani'],
        'fct_conversation_legs': ['wrapup_note'],
        'fct_flow_executions': ['entry_reason', 'transfer_target_name'],
    }) }}
{%- endmacro %}


{#- Those of them that hold several texts, joined by commas. -#}
{% macro personal_lists() -%}
    {{ return(['emails', 'phones', 'external_ids']) }}
{%- endmacro %}


{#- Those that are never null, and so cannot be dropped. -#}
{% macro personal_keys() -%}
    {{ return(['bridge_contact_external_ids.external_id', 'dim_users.user_name']) }}
{%- endmacro %}


{#- The treatment of each column, as <model>.<column>. None while the seed was never loaded: then
    everything is hashed. check_seed has refused wrong lines before any model reads them. -#}
{% macro pii_treatments() -%}
    {%- set relation = ref('pii_policy') -%}
    {%- set treatments = {} -%}
    {%- if execute and model.resource_type != 'unit_test' and load_relation(relation) -%}
        {%- for row in run_query(
            "select model_name, column_name, treatment from " ~ relation.render()
        ) -%}
            {%- do treatments.update({(row[0] | trim) ~ '.' ~ (row[1] | trim): row[2] | trim}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(treatments) }}
{%- endmacro %}
