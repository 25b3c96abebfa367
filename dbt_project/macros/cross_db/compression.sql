{#- Tables on DuckDB, with how their columns are compressed. DuckDB chooses by itself, and right for what
    repeats; of ids and texts that are in few rows it keeps every letter, which zstd halves, and of
    JSON it makes three times as much. zstd for all columns would keep four bytes a row for the
    length of each text, also where all rows have the same one. So an id that a table repeats in row
    after row, more than ten of them, is left to DuckDB: made_of: {repeats: [<column>]}. -#}
{% macro duckdb__get_create_table_as_sql(temporary, relation, sql) -%}
    {%- if temporary -%}
        {{ create_table_as(true, relation, sql) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
            {%- set columns = model['columns'].values() -%}
        {%- else -%}
            {%- set columns = typed_columns(sql) -%}
        {%- endif -%}
        {%- set compressed = {} -%}
        {%- for column in columns -%}
            {%- set data_type = column.data_type
                ~ (' using compression zstd' if is_compressed(column) else '') -%}
            {%- do compressed.update({column.name: dict(column, data_type=data_type)}) -%}
        {%- endfor -%}
        create table {{ relation }} (
            {{ adapter.render_raw_columns_constraints(raw_columns=compressed) | join(', ') }}
        );
        insert into {{ relation }} ({{ compressed | map('tojson') | join(', ') }})
        select {{ compressed | map('tojson') | join(', ') }} from (
            {{ sql }}
        ) as model_rows;
    {%- endif -%}
{%- endmacro %}


{#- A query's columns with the names of their types. -#}
{% macro typed_columns(query) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe select * from (' ~ query ~ ') as model_rows').rows -%}
        {%- do columns.append({'name': row[0], 'data_type': row[1], 'quote': true, 'constraints': []}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{#- Whether a column is of ids or texts that hardly repeat within a row group. -#}
{% macro is_compressed(column) -%}
    {{ return(
        column.data_type | lower in ['text', 'varchar', 'json']
        and column.name not in config.get('made_of', {}).get('repeats', [])
        and (
            column.name in ['conversation_id', 'participant_id', 'peer_id', 'raw_value']
            or column.name.endswith('session_id')
            or column.name.endswith('contact_id')
            or column.name.endswith('_json')
            or column.name.endswith('_hash')
        )
    ) }}
{%- endmacro %}
