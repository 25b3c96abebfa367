{#- The export's columns by the name that seeds/interaction_columns.csv gives them, newest version
    first: a column that was renamed at the source is read under both names, so that history stays.
    Read from the seed's table while dbt compiles, as the attribute registry is. -#}
{% macro interaction_columns() -%}
    {%- set relation = ref('interaction_columns') -%}
    {%- set columns = {} -%}
    {%- if execute and load_relation(relation) -%}
        {%- set lines = [] -%}
        {%- for row in run_query(
            "select version, source_column, column_name from " ~ relation.render()
            ~ " order by line_number"
        ) -%}
            {%- do lines.append({
                'version': row[0] | trim | int, 'source': row[1] | trim, 'name': row[2] | trim
            }) -%}
        {%- endfor -%}
        {%- for line in lines | sort(attribute='version', reverse=true) -%}
            {%- set sources = columns.setdefault(line.name, []) -%}
            {%- if line.source not in sources -%} {%- do sources.append(line.source) -%} {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}


{#- The columns of the mapping that are lists; all others are read as text. -#}
{% macro interaction_lists() -%}
    {{ return(['user_ids', 'queue_ids', 'skills', 'division_ids']) }}
{%- endmacro %}


{#- The record that interaction_field reads from. -#}
{% macro interaction_record(column) -%}
    {%- set fields = [] -%}
    {%- set nodes = [] -%}
    {%- for name, sources in interaction_columns().items() -%}
        {%- for source in sources -%}
            {%- set kind = nodes if name in interaction_lists() else fields -%}
            {%- if source not in fields + nodes -%} {%- do kind.append(source) -%} {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ json_record(column, fields, nodes) }}
{%- endmacro %}


{#- A column by the mapping's name, text or for lists JSON; null where the mapping lacks it. -#}
{% macro interaction_field(record, name) -%}
    {%- set found = [] -%}
    {%- for source in interaction_columns().get(name, []) -%}
        {%- if name in interaction_lists() -%}
            {%- do found.append(json_node_field(record, source)) -%}
        {%- else -%}
            {%- do found.append(json_field(record, source)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if found | length > 1 -%}
        coalesce({{ found | join(', ') }})
    {%- elif found -%}
        {{ found[0] }}
    {%- elif name in interaction_lists() -%}
        {{ json_parse('null') }}
    {%- else -%}
        cast(null as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}
