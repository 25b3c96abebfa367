{#- The contract of a model names types as the standard does; what the engine calls them is put in
    their place. That of a model whose columns the registry names (made_of: {registry_columns: true}) is
    its yml plus one column per registry column, each with the registry's type. dbt calls this
    macro before it compares a model with its contract and before it writes the table's DDL, and
    both read model['columns']: so the registry's columns are enforced like any other's, and a new
    line needs no yml. -#}
{% macro default__get_assert_columns_equivalent(sql) -%}
    {%- if config.get('made_of', {}).get('registry_columns') -%}
        {%- set types = attribute_types() -%}
        {%- for name, lines in attribute_columns().items() -%}
            {%- do model['columns'].update({
                name: {
                    'name': stored_name(name),
                    'description': 'Registered attribute.',
                    'data_type': types[lines[0].data_type].sql,
                    'quote': true,
                    'constraints': [],
                }
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for column in model['columns'].values() -%}
        {%- do column.update({'data_type': sql_type(column.data_type)}) -%}
    {%- endfor -%}
    {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}
