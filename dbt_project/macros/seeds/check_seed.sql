{#- Post-hook of the seeds that analysts own: stops the build at the first wrong line, and says
    which and what to do, in the words of the loader, which refuses the same lines before a
    request. Models need no check of their own: what depends on a refused seed is not built. -#}
{% macro check_seed() -%}
    {%- if execute -%}
        {%- set seed = seeds_of_analysts()[this.identifier] -%}
        {%- set file = 'dbt_project/seeds/' ~ this.identifier ~ '.csv' -%}
        {%- set found = adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
        {%- if found != seed.columns -%}
            {{ exceptions.raise_compiler_error(
                file ~ " line 1: the columns must be " ~ seed.columns | join(',') ~ "."
            ) }}
        {%- endif -%}
        {%- set taken = {} -%}
        {%- for row in run_query(
            "select " ~ seed.columns | join(', ') ~ " from " ~ this
            ~ " order by " ~ insertion_order()
        ) -%}
            {%- set number = loop.index + 1 -%}
            {%- set line = {} -%}
            {%- for column in seed.columns -%}
                {%- do line.update({column: (row[loop.index0] or '') | trim}) -%}
            {%- endfor -%}
            {%- set problem = problem_of_line(this.identifier, line) -%}
            {%- if problem -%}
                {{ exceptions.raise_compiler_error(file ~ " line " ~ number ~ ": " ~ problem ~ ".") }}
            {%- endif -%}
            {%- set key = [] -%}
            {%- for column in seed.key -%} {%- do key.append(line[column]) -%} {%- endfor -%}
            {%- if key | join('\n') in taken -%}
                {{ exceptions.raise_compiler_error(
                    file ~ " line " ~ number ~ ": " ~ seed.key | join(' and ') ~ " "
                    ~ key | join(', ') ~ " are taken by line " ~ taken[key | join('\n')]
                    ~ "; remove one of the two."
                ) }}
            {%- endif -%}
            {%- do taken.update({key | join('\n'): number}) -%}
        {%- endfor -%}
        {%- set missing = missing_line(this.identifier, taken) -%}
        {%- if missing -%}
            {{ exceptions.raise_compiler_error(file ~ ": " ~ missing ~ ".") }}
        {%- endif -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}


{#- The columns of each seed, in their order, and those that are unique together. -#}
{% macro seeds_of_analysts() -%}
    {{ return({
        'flow_outcome_aliases': {
            'columns': ['flow_id', 'old_name', 'new_name'],
            'key': ['flow_id', 'old_name'],
        },
        'expected_flow_outcomes': {
            'columns': ['flow_id', 'outcome_name'],
            'key': ['flow_id', 'outcome_name'],
        },
        'interaction_columns': {
            'columns': ['version', 'source_column', 'column_name', 'data_type'],
            'key': ['version', 'column_name'],
        },
        'journey_states': {'columns': ['state', 'is_kept'], 'key': ['state']},
        'pii_policy': {
            'columns': ['model_name', 'column_name', 'treatment'],
            'key': ['model_name', 'column_name'],
        },
    }) }}
{%- endmacro %}


{#- What is wrong with a line and the remedy, or none. -#}
{% macro problem_of_line(seed, line) -%}
    {%- set problem = namespace(text=none) -%}
    {%- if seed in ('flow_outcome_aliases', 'expected_flow_outcomes') -%}
        {%- for column, value in line.items() -%}
            {%- if not value and not problem.text -%}
                {%- set problem.text = column ~ " is empty; fill it in or remove the line" -%}
            {%- endif -%}
        {%- endfor -%}
    {%- elif seed == 'interaction_columns' -%}
        {%- set types = attribute_types() -%}
        {%- if not modules.re.fullmatch('[1-9][0-9]{0,5}', line.version) -%}
            {%- set problem.text = "version '" ~ line.version
                ~ "' is no version; use 1, 2, 3 and so on" -%}
        {%- elif not modules.re.fullmatch('[A-Za-z][A-Za-z0-9.]{0,100}', line.source_column) -%}
            {%- set problem.text = "source_column '" ~ line.source_column
                ~ "' is no column of the export; name one exactly, * is not accepted" -%}
        {%- elif not modules.re.fullmatch('[a-z][a-z0-9_]{0,62}', line.column_name) -%}
            {%- set problem.text = "column_name '" ~ line.column_name ~ "' is no column name; "
                ~ "use lower case letters, digits and _, a letter first, 63 at most" -%}
        {%- elif line.data_type not in types -%}
            {%- set problem.text = "data_type '" ~ line.data_type ~ "' is unknown; use one of "
                ~ types.keys() | join(', ') -%}
        {%- endif -%}
    {%- elif seed == 'journey_states' -%}
        {%- if not modules.re.fullmatch('[A-Z_]+', line.state) -%}
            {%- set problem.text = "state '" ~ line.state
                ~ "' is no state; write it as Genesys does, in capitals" -%}
        {%- elif line.is_kept | lower not in ['true', 'false'] -%}
            {%- set problem.text = "is_kept '" ~ line.is_kept ~ "' is unclear; use true or false" -%}
        {%- endif -%}
    {%- elif seed == 'pii_policy' -%}
        {%- set columns = personal_columns() -%}
        {%- set treatments = ['keep', 'hash', 'drop'] -%}
        {%- if line.model_name not in columns -%}
            {%- set problem.text = "model_name '" ~ line.model_name
                ~ "' is no mart with personal columns; use one of " ~ columns.keys() | join(', ') -%}
        {%- elif line.column_name not in columns[line.model_name] -%}
            {%- set problem.text = "column_name '" ~ line.column_name ~ "' is no personal column of "
                ~ line.model_name ~ "; use one of " ~ columns[line.model_name] | join(', ') -%}
        {%- elif line.treatment not in treatments -%}
            {%- set problem.text = "treatment '" ~ line.treatment ~ "' is unknown; use one of "
                ~ treatments | join(', ') -%}
        {%- elif line.treatment == 'drop'
            and line.model_name ~ '.' ~ line.column_name in personal_keys() -%}
            {%- set problem.text = line.model_name ~ "." ~ line.column_name
                ~ " is never null and cannot be dropped; use keep or hash" -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(problem.text) }}
{%- endmacro %}


{#- What a seed lacks although every line is right, and the remedy, or none. -#}
{% macro missing_line(seed, taken) -%}
    {%- if seed == 'pii_policy' -%}
        {%- for model_name, columns in personal_columns().items() -%}
            {%- for column_name in columns -%}
                {%- if model_name ~ '\n' ~ column_name not in taken -%}
                    {{ return(
                        model_name ~ "." ~ column_name
                        ~ " has no line; add one with keep, hash or drop"
                    ) }}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
