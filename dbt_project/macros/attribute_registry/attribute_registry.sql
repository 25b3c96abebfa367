{#- The registry's lines as a list. Read from the seed's table by a query, because dbt reads no file
    while it compiles; the seed comes before every model that calls this, so the table is the CSV.
    check_seed has refused a wrong line; a table that holds one all the same (the seed failed, and a
    model is built by itself) stops the model with the same words. What builds nothing reads such a
    registry as an empty one. Nothing here looks at what the loaded data hold. -#}
{% macro attribute_registry() -%}
    {%- set relation = ref('attribute_registry') -%}
    {%- set lines = [] -%}
    {%- if execute and load_relation(relation) -%}
        {%- set problem = problem_of_table('attribute_registry', relation) -%}
        {%- if problem and flags.WHICH not in ['compile', 'generate', 'list', 'parse'] -%}
            {{ exceptions.raise_compiler_error(problem) }}
        {%- endif -%}
        {%- set found = [] if problem else lines_of_table('attribute_registry', relation) -%}
        {%- for number, line in found -%}
            {%- do lines.append({
                'name': line.name,
                'column_name': line.column_name,
                'data_type': line.data_type,
                'default_value': line.default_value or none,
                'participant_purpose': line.participant_purpose or none,
                'precedence': line.precedence or '1',
                'is_pii': line.is_pii | lower,
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(lines) }}
{%- endmacro %}


{#- Changes whenever a line or the salt of the hashes does: what was typed by an older registry, or
    hashed with another salt, is then made again. -#}
{% macro registry_version() -%}
    {{ return(local_md5(tojson([attribute_registry(), hash_salt_version()], sort_keys=true))) }}
{%- endmacro %}


{#- The type as the standard names it, the column of fct_participant_attributes that holds its values. -#}
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
    problem_among_attributes sees to it. -#}
{% macro attribute_columns() -%}
    {%- set columns = {} -%}
    {%- for line in attribute_registry() -%}
        {%- do columns.setdefault(line.column_name, []).append(line) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{#- Genesys's own list of purposes; it grows with its releases. -#}
{% macro participant_purposes() -%}
    {{ return([
        'acd', 'agent', 'api', 'botflow', 'campaign', 'customer', 'dialer', 'external', 'fax',
        'group', 'inbound', 'ivr', 'manual', 'outbound', 'station', 'user', 'voicemail',
        'voicesurveyflow', 'workflow',
    ]) }}
{%- endmacro %}
