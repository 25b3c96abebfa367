{#- Stops the build at the first wrong line, and says which and what to do. -#}
{% macro check_attribute_registry(lines) -%}
    {%- set file = 'dbt_project/seeds/attribute_registry.csv' -%}
    {%- set types = attribute_types() -%}
    {%- set purposes = participant_purposes() -%}
    {%- set taken = ['conversation_id', 'participant_id', 'participant_purpose', 'loaded_at'] -%}
    {%- set columns = {} -%}
    {%- set names = {} -%}
    {%- for line in lines -%}
        {%- set problem = namespace(text=none) -%}
        {%- if not line.name -%}
            {%- set problem.text = "name is empty; give the attribute's exact name" -%}
        {%- elif not modules.re.fullmatch('[a-z][a-z0-9_]{0,62}', line.column_name or '') -%}
            {%- set problem.text = "column_name '" ~ (line.column_name or '') ~ "' is no column name; "
                ~ "use lower case letters, digits and _, a letter first, 63 at most" -%}
        {%- elif line.column_name in taken -%}
            {%- set problem.text = "column_name '" ~ line.column_name
                ~ "' is a column that the dimension has already; choose another" -%}
        {%- elif line.data_type not in types -%}
            {%- set problem.text = "data_type '" ~ (line.data_type or '') ~ "' is unknown; use one of "
                ~ types.keys() | join(', ') -%}
        {%- elif line.participant_purpose and line.participant_purpose not in purposes -%}
            {%- set problem.text = "participant_purpose '" ~ line.participant_purpose
                ~ "' is unknown; leave it empty for all, or use one of " ~ purposes | join(', ') -%}
        {%- elif not modules.re.fullmatch('[1-9][0-9]?', line.precedence) -%}
            {%- set problem.text = "precedence '" ~ line.precedence
                ~ "' is no rank; use 1 to 99, or leave it empty for 1" -%}
        {%- elif line.is_pii not in ['true', 'false'] -%}
            {%- set problem.text = "is_pii '" ~ line.is_pii ~ "' is unclear; use true or false" -%}
        {%- elif line.default_value is not none and not modules.re.fullmatch(
            types[line.data_type].pattern, line.default_value
        ) -%}
            {%- set problem.text = "default_value '" ~ line.default_value ~ "' is no "
                ~ line.data_type ~ "; correct it or leave it empty for null" -%}
        {%- else -%}
            {%- set column = (line.column_name, line.precedence) -%}
            {%- set name = (line.name, line.participant_purpose) -%}
            {%- set first = columns.get(line.column_name) -%}
            {%- if column in columns -%}
                {%- set problem.text = "column_name '" ~ line.column_name ~ "' is taken by line "
                    ~ columns[column].line ~ "; choose another, or give this line a precedence of "
                    ~ "its own if both attributes should feed one column" -%}
            {%- elif first and (first.data_type, first.default_value, first.is_pii)
                != (line.data_type, line.default_value, line.is_pii) -%}
                {%- set problem.text = "column_name '" ~ line.column_name ~ "' has another data_type, "
                    ~ "default_value or is_pii in line " ~ first.line ~ "; make them equal" -%}
            {%- elif name in names -%}
                {%- set problem.text = "name '" ~ line.name ~ "' is registered for this participant "
                    ~ "purpose in line " ~ names[name] ~ "; remove one of the two" -%}
            {%- endif -%}
            {%- do columns.update({column: line}) -%}
            {%- do columns.setdefault(line.column_name, line) -%}
            {%- do names.update({name: line.line}) -%}
        {%- endif -%}
        {%- if problem.text -%}
            {{ exceptions.raise_compiler_error(file ~ " line " ~ line.line ~ ": " ~ problem.text) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- Genesys's own list of purposes; it grows with its releases. -#}
{% macro participant_purposes() -%}
    {{ return([
        'acd', 'agent', 'api', 'botflow', 'campaign', 'customer', 'dialer', 'external', 'fax',
        'group', 'inbound', 'ivr', 'manual', 'outbound', 'station', 'user', 'voicemail',
        'voicesurveyflow', 'workflow',
    ]) }}
{%- endmacro %}
