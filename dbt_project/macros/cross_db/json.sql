{#- Paths are written with dots ('flow.flowId'); keys are always quoted, so that a key of
    Genesys's may hold anything else. -#}

{#- Postgres refuses the escape of NUL in jsonb, and one such record would stop the build: every
    engine drops it. The (\\\\)* keeps an escaped backslash before "u0000" apart from it. -#}
{% macro json_parse(column) -%}
    {{ return(adapter.dispatch('json_parse', 'genesys')(column)) }}
{%- endmacro %}


{#- A part of a payload as JSON that is spelled as it came: what Postgres has parsed as jsonb it
    spells its own way, with other blanks and keys in another order. -#}
{% macro json_part(payload, path) -%}
    {{ return(adapter.dispatch('json_part', 'genesys')(payload, path)) }}
{%- endmacro %}


{% macro json_record(column, fields, nodes=[]) -%}
    {{ return(adapter.dispatch('json_record', 'genesys')(column, fields, nodes)) }}
{%- endmacro %}


{% macro json_field(record, field) -%}
    {{ return(adapter.dispatch('json_field', 'genesys')(record, field)) }}
{%- endmacro %}


{% macro json_node_field(record, field) -%}
    {{ return(adapter.dispatch('json_node_field', 'genesys')(record, field)) }}
{%- endmacro %}


{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'genesys')(column, path)) }}
{%- endmacro %}


{#- A relation with each of its rows once per element of a JSON array in it: <alias>.value and
    <alias>.position, from 1. It stands after `from`, and the relation keeps its name.

    On DuckDB not lateral: joined to a CTE, that became a join by the text of the arrays, with all of
    them in memory, and took three times as long. -#}
{% macro json_array_elements(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_array_elements', 'genesys')(relation, column, alias)) }}
{%- endmacro %}


{% macro json_object_entries(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_object_entries', 'genesys')(relation, column, alias)) }}
{%- endmacro %}


{#- The same for what json_part returns: values that are objects or lists themselves stay spelled
    as they came. -#}
{% macro json_part_entries(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_part_entries', 'genesys')(relation, column, alias)) }}
{%- endmacro %}


{#- The text of a JSON value that is a string, without its quotes. -#}
{% macro json_value_text(column) -%}
    {{ return(adapter.dispatch('json_value_text', 'genesys')(column)) }}
{%- endmacro %}


{#- How many keys an object has; null where it is none. -#}
{% macro json_key_count(column) -%}
    {{ return(adapter.dispatch('json_key_count', 'genesys')(column)) }}
{%- endmacro %}


{#- How many bytes a JSON node has as text, in about. -#}
{% macro json_size(column) -%}
    {{ return(adapter.dispatch('json_size', 'genesys')(column)) }}
{%- endmacro %}


{#- How long an array is; null where it is none. -#}
{% macro json_array_size(column) -%}
    {{ return(adapter.dispatch('json_array_size', 'genesys')(column)) }}
{%- endmacro %}


{#- The text of an array's first or last element; null where there is none. -#}
{% macro json_array_end(column, end) -%}
    {{ return(adapter.dispatch('json_array_end', 'genesys')(column, end)) }}
{%- endmacro %}


{% macro json_array_text(column) -%}
    {{ return(adapter.dispatch('json_array_text', 'genesys')(column)) }}
{%- endmacro %}


{#- The keys of the JSON object that a text holds, each once, as a list of the engine's; an empty one
    for anything else. From text, and nothing else of it is kept: a payload costs one parse. -#}
{% macro json_key_list(text) -%}
    {{ return(adapter.dispatch('json_key_list', 'genesys')(text)) }}
{%- endmacro %}


{#- A relation with each of its rows once per key of such a list: <alias>.key. -#}
{% macro listed_keys(relation, column, alias) -%}
    {{ return(adapter.dispatch('listed_keys', 'genesys')(relation, column, alias)) }}
{%- endmacro %}


{#- Text as a JSON string with its quotes, null as the word null. -#}
{% macro json_string(text) -%}
    {{ return(adapter.dispatch('json_string', 'genesys')(text)) }}
{%- endmacro %}


{#- A JSON object as text, its fields in the order given and not a blank more, so that it is the
    same text on every engine. Values are JSON text already. -#}
{% macro json_object_text(fields) -%}
    '{'
    {%- for name, value in fields %}
    || '{{ "," if not loop.first }}"{{ name }}":' || {{ value }}
    {%- endfor %}
    || '}'
{%- endmacro %}


{#- Aggregate: JSON texts as the text of an array, in an order that must be total. -#}
{% macro json_array_agg_text(value, order_by) -%}
    {{ return(adapter.dispatch('json_array_agg_text', 'genesys')(value, order_by)) }}
{%- endmacro %}
