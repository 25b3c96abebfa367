{#- A table of the loader's, or no rows of its shape while the loader has not made it yet: dlt
    creates a table with its first row, and an organisation that never answered 429 has no
    rate_limit_events. The shape is the one that the sources' yml gives. A column that a newer loader
    adds (`is_newer` there) is null until it has loaded once. -#}
{% macro raw_table(source_name, table_name) -%}
    {%- set relation = source(source_name, table_name) -%}
    {%- if not execute or model.resource_type == 'unit_test' -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set key = 'source.' ~ project_name ~ '.' ~ source_name ~ '.' ~ table_name -%}
    {%- set columns = graph.sources[key].columns.values() -%}
    {%- if load_relation(relation) -%}
        {%- set newer = columns | selectattr('config.meta.is_newer', 'defined') | list -%}
        {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name')
            | map('lower') | list if newer else [] -%}
        {%- set absent = newer | rejectattr('name', 'in', present) | list -%}
        {%- if not absent -%}
            {{ return(relation) }}
        {%- endif -%}
        (
            select
                present_columns.*
                {%- for column in absent %},
                cast(null as {{ sql_type(column.data_type) }}) as {{ column.name }}
                {%- endfor %}
            from {{ relation }} as present_columns
        )
    {%- else -%}
        {{ no_rows(columns) }}
    {%- endif -%}
{%- endmacro %}


{#- A table without rows as a subquery; `columns` have a name and a data_type. -#}
{% macro no_rows(columns) -%}
    (
        select * from (
            select
                {%- for column in columns %}
                cast(null as {{ sql_type(column.data_type) }}) as {{ column.name }}
                {{- ',' if not loop.last }}
                {%- endfor %}
        ) as one_row
        where 1 = 0
    )
{%- endmacro %}


{#- False where nobody expects rows: `--empty` reads none, and with `--defer` a check of what has
    changed runs in a database of its own, where the loader never was. -#}
{% macro needs_raw_rows() -%}
    {{ return(not (invocation_args_dict.get('empty') or invocation_args_dict.get('defer'))) }}
{%- endmacro %}


{#- One line instead of a database error per model when nothing was ever loaded. -#}
{% macro assert_raw_tables_exist() -%}
    {%- if execute and flags.WHICH in ['build', 'run', 'test', 'snapshot'] and needs_raw_rows() -%}
        {%- set raw = graph.sources.values()
            | selectattr('source_name', 'in', ['platform', 'guides']) | list -%}
        {%- set tables = [] -%}
        {%- for table in raw -%}
            {%- if adapter.get_relation(table.database, table.schema, table.identifier) -%}
                {%- do tables.append(table.identifier) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not tables -%}
            {{ exceptions.raise_compiler_error(
                "nothing is loaded yet: " ~ target.type ~ " has no tables in schema "
                ~ raw[0].schema ~ "; run `make load` first"
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
