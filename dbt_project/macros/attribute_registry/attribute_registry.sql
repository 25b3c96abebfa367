{#- The registry's lines as a list, checked. Read from the seed's table by a query, because dbt
    reads no file while it compiles; the seed comes before every model that calls this, so the
    table is the CSV. Nothing here looks at what the loaded data holds. -#}
{% macro attribute_registry() -%}
    {%- set relation = ref('attribute_registry') -%}
    {%- set lines = [] -%}
    {%- if execute and load_relation(relation) -%}
        {%- set rows = run_query(
            "select name, column_name, data_type, default_value, participant_purpose, precedence,"
            " is_pii from " ~ relation ~ " order by " ~ insertion_order()
        ) -%}
        {%- for row in rows -%}
            {%- do lines.append({
                'line': loop.index + 1,
                'name': row[0],
                'column_name': row[1],
                'data_type': row[2],
                'default_value': row[3],
                'participant_purpose': row[4],
                'precedence': row[5] or '1',
                'is_pii': (row[6] or '') | lower,
            }) -%}
        {%- endfor -%}
        {%- do check_attribute_registry(lines) -%}
    {%- endif -%}
    {{ return(lines) }}
{%- endmacro %}


{#- Changes whenever a line or the salt of the hashes does: what was typed by an older registry, or
    hashed with another salt, is then made again. -#}
{% macro registry_version() -%}
    {{ return(local_md5(tojson([attribute_registry(), hash_salt_version()], sort_keys=true))) }}
{%- endmacro %}


{#- The type's name in SQL and the column of fct_participant_attributes that holds its values. -#}
{% macro attribute_types() -%}
    {{ return({
        'text': {'sql': 'text', 'value': 'value_text', 'pattern': '(?s).*'},
        'number': {
            'sql': 'numeric(38, 9)',
            'value': 'value_number',
            'pattern': number_pattern(),
        },
        'boolean': {'sql': 'boolean', 'value': 'value_boolean', 'pattern': 'true|false'},
        'date': {'sql': 'date', 'value': 'value_date', 'pattern': date_pattern()},
        'timestamp': {
            'sql': 'timestamp',
            'value': 'value_timestamp',
            'pattern': timestamp_pattern(),
        },
    }) }}
{%- endmacro %}


{#- The wide dimension's columns: one per column name, the lines that feed it.
    Types and defaults of such lines are equal, and all or none are personal:
    check_attribute_registry sees to it. -#}
{% macro attribute_columns() -%}
    {%- set columns = {} -%}
    {%- for line in attribute_registry() -%}
        {%- do columns.setdefault(line.column_name, []).append(line) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
