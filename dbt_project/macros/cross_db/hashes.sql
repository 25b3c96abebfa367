{#- SHA-256 of a text's UTF-8, hex in lower case; null of null. -#}
{% macro sha256_hex(text) -%}
    {{ return(adapter.dispatch('sha256_hex', 'genesys')(text)) }}
{%- endmacro %}

{% macro default__sha256_hex(text) -%}
    {{ exceptions.raise_compiler_error("sha256_hex has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(text) -%} sha256({{ text }}) {%- endmacro %}

{% macro postgres__sha256_hex(text) -%}
    encode(sha256(convert_to({{ text }}, 'UTF8')), 'hex')
{%- endmacro %}


{#- The same for each text of a list that is joined by commas, sorted by hash: in the list's own
    order the first would still be the work address. -#}
{% macro sha256_hex_list(list, salt) -%}
    {{ return(adapter.dispatch('sha256_hex_list', 'genesys')(list, salt)) }}
{%- endmacro %}

{% macro default__sha256_hex_list(list, salt) -%}
    {{ exceptions.raise_compiler_error("sha256_hex_list has no version for " ~ target.type) }}
{%- endmacro %}

{% macro duckdb__sha256_hex_list(list, salt) -%}
    (
        select string_agg(element.hash, ',' order by element.hash)
        from (
            select sha256({{ salt }} || split.element) as hash
            from (select unnest(string_split({{ list }}, ',')) as element) as split
        ) as element
    )
{%- endmacro %}

{% macro postgres__sha256_hex_list(list, salt) -%}
    (
        select string_agg(element.hash, ',' order by element.hash collate "C")
        from (
            select encode(sha256(convert_to({{ salt }} || split.element, 'UTF8')), 'hex') as hash
            from unnest(string_to_array({{ list }}, ',')) as split (element)
        ) as element
    )
{%- endmacro %}
