{#- Post-hook of the seeds that analysts own: stops the seed at its first wrong line, and says which
    and what to do. What depends on a refused seed is not built. -#}
{% macro check_seed() -%}
    {%- if execute -%}
        {%- set problem = problem_of_table(this.identifier, this) -%}
        {%- if problem -%} {{ exceptions.raise_compiler_error(problem) }} {%- endif -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}


{#- What is wrong with the table of a seed: file, line and remedy, or none. -#}
{% macro problem_of_table(seed, relation) -%}
    {%- set columns = adapter.get_columns_in_relation(relation)
        | map(attribute='name') | map('lower') | reject('eq', 'line_number') | list -%}
    {%- set lines = [] -%}
    {%- if columns == seeds_of_analysts()[seed].columns -%}
        {%- do lines.extend(lines_of_table(seed, relation)) -%}
    {%- endif -%}
    {%- set problem = problem_of_seed(seed, columns, lines) -%}
    {{ return('dbt_project/seeds/' ~ seed ~ '.csv' ~ problem if problem else none) }}
{%- endmacro %}


{#- The lines of a seed's table as problem_of_seed takes them. -#}
{% macro lines_of_table(seed, relation) -%}
    {%- set rules = seeds_of_analysts()[seed] -%}
    {%- set lines = [] -%}
    {%- for row in run_query(
        "select " ~ rules.columns | join(', ') ~ ", line_number from " ~ relation.render()
        ~ " order by line_number"
    ) -%}
        {%- set line = {} -%}
        {%- for column in rules.columns -%}
            {%- set value = row[loop.index0] or '' -%}
            {%- do line.update({column: value if column in rules.exact else value | trim}) -%}
        {%- endfor -%}
        {%- do lines.append((row[-1] | int, line)) -%}
    {%- endfor -%}
    {{ return(lines) }}
{%- endmacro %}
