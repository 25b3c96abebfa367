{#- Paths are written with dots ('flow.flowId'); keys are always quoted, so that a key of
    Genesys's may hold anything else. -#}

{% macro json_parse(column) -%}
    {{ return(adapter.dispatch('json_parse', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_parse(column) -%}
    {{ exceptions.raise_compiler_error("json_parse has no version for " ~ target.type) }}
{%- endmacro %}

{#- Postgres refuses the escape of NUL in jsonb, and one such record would stop the build: both
    engines drop it. The (\\\\)* keeps an escaped backslash before "u0000" apart from it. -#}
{% macro duckdb__json_parse(column) -%}
    cast({{ duckdb__without_nul(column) }} as json)
{%- endmacro %}

{% macro postgres__json_parse(column) -%}
    cast({{ postgres__without_nul(column) }} as jsonb)
{%- endmacro %}

{% macro duckdb__without_nul(column) -%}
    case
        when contains({{ column }}, '\u0000')
            then regexp_replace({{ column }}, '([^\\](?:\\\\)*)(?:\\u0000)+', '\1', 'g')
        else {{ column }}
    end
{%- endmacro %}

{% macro postgres__without_nul(column) -%}
    case
        when position('\u0000' in {{ column }}) > 0
            then regexp_replace({{ column }}, '([^\\](?:\\\\)*)(?:\\u0000)+', '\1', 'g')
        else {{ column }}
    end
{%- endmacro %}


{#- A part of a payload as JSON that is spelled as it came: what Postgres has parsed as jsonb it
    spells its own way, with other blanks and keys in another order. -#}
{% macro json_part(payload, path) -%}
    {{ return(adapter.dispatch('json_part', 'genesys')(payload, path)) }}
{%- endmacro %}

{% macro default__json_part(payload, path) -%}
    {{ exceptions.raise_compiler_error("json_part has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_part(payload, path) -%}
    json_extract({{ json_parse(payload) }}, '$."{{ path.split(".") | join('"."') }}"')
{%- endmacro %}

{% macro postgres__json_part(payload, path) -%}
    (
        cast({{ postgres__without_nul(payload) }} as json)
        #> array['{{ path.split(".") | join("', '") }}']
    )
{%- endmacro %}


{% macro json_record(column, fields, nodes=[]) -%}
    {{ return(adapter.dispatch('json_record', 'genesys')(column, fields, nodes)) }}
{%- endmacro %}

{% macro default__json_record(column, fields, nodes=[]) -%}
    {{ exceptions.raise_compiler_error("json_record has no version for " ~ target.type) }}
{%- endmacro %}

{#- One parse for all the fields: a path expression per field parses the document each time. -#}
{% macro duckdb__json_record(column, fields, nodes=[]) -%}
    json_transform(
        {{ column }},
        '{
        {%- for field in fields -%} "{{ field }}": "VARCHAR" {{- ', ' if not loop.last or nodes -}}
        {%- endfor -%}
        {%- for node in nodes -%} "{{ node }}": "JSON" {{- ', ' if not loop.last -}} {%- endfor -%}
        }'
    )
{%- endmacro %}

{% macro postgres__json_record(column, fields, nodes=[]) -%}
    {{ column }}
{%- endmacro %}


{% macro json_field(record, field) -%}
    {{ return(adapter.dispatch('json_field', 'genesys')(record, field)) }}
{%- endmacro %}

{% macro default__json_field(record, field) -%}
    {{ exceptions.raise_compiler_error("json_field has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_field(record, field) -%}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}

{% macro postgres__json_field(record, field) -%}
    ({{ record }} ->> '{{ field }}')
{%- endmacro %}


{% macro json_node_field(record, field) -%}
    {{ return(adapter.dispatch('json_node_field', 'genesys')(record, field)) }}
{%- endmacro %}

{% macro default__json_node_field(record, field) -%}
    {{ exceptions.raise_compiler_error("json_node_field has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_node_field(record, field) -%}
    struct_extract({{ record }}, '{{ field }}')
{%- endmacro %}

{% macro postgres__json_node_field(record, field) -%}
    ({{ record }} -> '{{ field }}')
{%- endmacro %}


{% macro json_text(column, path) -%}
    {{ return(adapter.dispatch('json_text', 'genesys')(column, path)) }}
{%- endmacro %}

{% macro default__json_text(column, path) -%}
    {{ exceptions.raise_compiler_error("json_text has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_text(column, path) -%}
    ({{ column }} ->> '$."{{ path.split(".") | join('"."') }}"')
{%- endmacro %}

{% macro postgres__json_text(column, path) -%}
    ({{ column }} #>> array['{{ path.split(".") | join("', '") }}'])
{%- endmacro %}


{#- A relation with each of its rows once per element of a JSON array in it: <alias>.value and
    <alias>.position, from 1. It stands after `from`, and the relation keeps its name.

    On DuckDB not lateral: joined to a CTE, that became a join by the text of the arrays, with all of
    them in memory, and took three times as long. -#}
{% macro json_array_elements(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_array_elements', 'genesys')(relation, column, alias)) }}
{%- endmacro %}

{% macro default__json_array_elements(relation, column, alias) -%}
    {{ exceptions.raise_compiler_error("json_array_elements has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_array_elements(relation, column, alias) -%}
    (
        select
            * exclude (unnested_value, unnested_position),
            {'value': unnested_value, 'position': unnested_position} as {{ alias }}
        from (
            select
                {{ relation }}.*,
                unnest(try_cast({{ column }} as json[])) as unnested_value,
                generate_subscripts(try_cast({{ column }} as json[]), 1) as unnested_position
            from {{ relation }}
        ) as unnested
    ) as {{ relation }}
{%- endmacro %}

{% macro postgres__json_array_elements(relation, column, alias) -%}
    {{ relation }} cross join lateral jsonb_array_elements(
        case when jsonb_typeof({{ column }}) = 'array' then {{ column }} else cast('[]' as jsonb) end
    ) with ordinality as {{ alias }} (value, position)
{%- endmacro %}


{% macro json_object_entries(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_object_entries', 'genesys')(relation, column, alias)) }}
{%- endmacro %}

{% macro default__json_object_entries(relation, column, alias) -%}
    {{ exceptions.raise_compiler_error("json_object_entries has no version for " ~ target.type) }}
{%- endmacro %}

{#- A key given twice makes the cast to a map null; then each key is looked up by JSON pointer,
    which needs no quoting beyond ~ and /. -#}
{% macro duckdb__json_object_entries(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            unnest(
                coalesce(
                    map_entries(try_cast({{ column }} as map(varchar, varchar))),
                    list_transform(
                        list_distinct(json_keys({{ column }})),
                        lambda name: {
                            'key': name,
                            'value': {{ column }}
                                ->> ('/' || replace(replace(name, '~', '~0'), '/', '~1'))
                        }
                    )
                )
            ) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro postgres__json_object_entries(relation, column, alias) -%}
    {{ relation }} cross join lateral jsonb_each_text(
        case when jsonb_typeof({{ column }}) = 'object' then {{ column }} else cast('{}' as jsonb) end
    ) as {{ alias }} (key, value)
{%- endmacro %}


{#- The same for what json_part returns: values that are objects or lists themselves stay spelled
    as they came. -#}
{% macro json_part_entries(relation, column, alias) -%}
    {{ return(adapter.dispatch('json_part_entries', 'genesys')(relation, column, alias)) }}
{%- endmacro %}

{% macro default__json_part_entries(relation, column, alias) -%}
    {{ exceptions.raise_compiler_error("json_part_entries has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_part_entries(relation, column, alias) -%}
    {{ duckdb__json_object_entries(relation, column, alias) }}
{%- endmacro %}

{#- Of a key given twice the first counts, as on DuckDB. -#}
{% macro postgres__json_part_entries(relation, column, alias) -%}
    {{ relation }} cross join lateral (
        select entry.key, (array_agg(entry.value order by entry.position))[1] as value
        from json_each_text(
            case
                when json_typeof({{ column }}) = 'object' then {{ column }}
                else cast('{}' as json)
            end
        ) with ordinality as entry (key, value, position)
        group by entry.key
    ) as {{ alias }}
{%- endmacro %}


{#- The text of a JSON value that is a string, without its quotes. -#}
{% macro json_value_text(column) -%}
    {{ return(adapter.dispatch('json_value_text', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_value_text(column) -%}
    {{ exceptions.raise_compiler_error("json_value_text has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_value_text(column) -%} ({{ column }} ->> '$') {%- endmacro %}

{% macro postgres__json_value_text(column) -%} ({{ column }} #>> '{}') {%- endmacro %}


{#- How many keys an object has; null where it is none. -#}
{% macro json_key_count(column) -%}
    {{ return(adapter.dispatch('json_key_count', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_key_count(column) -%}
    {{ exceptions.raise_compiler_error("json_key_count has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_key_count(column) -%}
    case
        when json_type({{ column }}) = 'OBJECT' then len(list_distinct(json_keys({{ column }})))
    end
{%- endmacro %}

{% macro postgres__json_key_count(column) -%}
    case
        when jsonb_typeof({{ column }}) = 'object'
            then (select count(*) from jsonb_object_keys({{ column }}))
    end
{%- endmacro %}


{#- How many bytes a JSON node has as text, in about. -#}
{% macro json_size(column) -%}
    {{ return(adapter.dispatch('json_size', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_size(column) -%}
    {{ exceptions.raise_compiler_error("json_size has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_size(column) -%}
    strlen({{ column }})
{%- endmacro %}

{% macro postgres__json_size(column) -%}
    octet_length(cast({{ column }} as text))
{%- endmacro %}


{#- How long an array is; null where it is none. -#}
{% macro json_array_size(column) -%}
    {{ return(adapter.dispatch('json_array_size', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_array_size(column) -%}
    {{ exceptions.raise_compiler_error("json_array_size has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_array_size(column) -%}
    case
        when json_type({{ column }}) = 'ARRAY' then cast(json_array_length({{ column }}) as bigint)
    end
{%- endmacro %}

{% macro postgres__json_array_size(column) -%}
    case
        when jsonb_typeof({{ column }}) = 'array'
            then cast(jsonb_array_length({{ column }}) as bigint)
    end
{%- endmacro %}


{#- The text of an array's first or last element; null where there is none. -#}
{% macro json_array_end(column, end) -%}
    {{ return(adapter.dispatch('json_array_end', 'genesys')(column, end)) }}
{%- endmacro %}

{% macro default__json_array_end(column, end) -%}
    {{ exceptions.raise_compiler_error("json_array_end has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_array_end(column, end) -%}
    ({{ column }} ->> '{{ {"first": "$[0]", "last": "$[#-1]"}[end] }}')
{%- endmacro %}

{% macro postgres__json_array_end(column, end) -%}
    (
        case when jsonb_typeof({{ column }}) = 'array' then {{ column }} end
        ->> {{ {"first": 0, "last": -1}[end] }}
    )
{%- endmacro %}


{% macro json_array_text(column) -%}
    {{ return(adapter.dispatch('json_array_text', 'genesys')(column)) }}
{%- endmacro %}

{% macro default__json_array_text(column) -%}
    {{ exceptions.raise_compiler_error("json_array_text has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_array_text(column) -%}
    list_aggregate(list_sort(try_cast({{ column }} as varchar[])), 'string_agg', ',')
{%- endmacro %}

{% macro postgres__json_array_text(column) -%}
    (
        select string_agg(element.value, ',' order by element.value collate "C")
        from jsonb_array_elements_text(
            case when jsonb_typeof({{ column }}) = 'array' then {{ column }} else cast('[]' as jsonb) end
        ) as element (value)
    )
{%- endmacro %}


{#- The keys of the JSON object that a text holds, each once, as a list of the engine's; an empty one
    for anything else. From text, and nothing else of it is kept: a payload costs one parse. -#}
{% macro json_key_list(text) -%}
    {{ return(adapter.dispatch('json_key_list', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__json_key_list(text) -%}
    {{ exceptions.raise_compiler_error("json_key_list has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_key_list(text) -%}
    list_distinct(json_keys({{ duckdb__without_nul(text) }}))
{%- endmacro %}

{% macro postgres__json_key_list(text) -%}
    array(
        select jsonb_object_keys(
            case
                when jsonb_typeof({{ postgres__json_parse(text) }}) = 'object'
                    then {{ postgres__json_parse(text) }}
                else cast('{}' as jsonb)
            end
        )
    )
{%- endmacro %}


{#- A relation with each of its rows once per key of such a list: <alias>.key. -#}
{% macro listed_keys(relation, column, alias) -%}
    {{ return(adapter.dispatch('listed_keys', 'genesys')(relation, column, alias)) }}
{%- endmacro %}

{% macro default__listed_keys(relation, column, alias) -%}
    {{ exceptions.raise_compiler_error("listed_keys has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__listed_keys(relation, column, alias) -%}
    (
        select
            {{ relation }}.*,
            unnest(list_transform({{ column }}, lambda name: {'key': name})) as {{ alias }}
        from {{ relation }}
    ) as {{ relation }}
{%- endmacro %}

{% macro postgres__listed_keys(relation, column, alias) -%}
    {{ relation }} cross join lateral unnest({{ column }}) as {{ alias }} (key)
{%- endmacro %}


{#- Text as a JSON string with its quotes, null as the word null. -#}
{% macro json_string(text) -%}
    {{ return(adapter.dispatch('json_string', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__json_string(text) -%}
    {{ exceptions.raise_compiler_error("json_string has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_string(text) -%}
    coalesce(cast(to_json(cast({{ text }} as varchar)) as varchar), 'null')
{%- endmacro %}

{% macro postgres__json_string(text) -%}
    coalesce(cast(to_json(cast({{ text }} as text)) as text), 'null')
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

{% macro default__json_array_agg_text(value, order_by) -%}
    {{ exceptions.raise_compiler_error("json_array_agg_text has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(string_agg({{ value }}, ',' order by {{ order_by }}), '') || ']'
{%- endmacro %}

{% macro postgres__json_array_agg_text(value, order_by) -%}
    '[' || coalesce(string_agg({{ value }}, ',' order by {{ order_by }}), '') || ']'
{%- endmacro %}
