{#- A text as its hash with the warehouse's salt: equal texts are equal hashes, null stays null and
    the empty text, which names nobody, empty. -#}
{% macro hashed(text) -%}
    case
        when {{ text }} = '' then ''
        else {{ sha256_hex(hash_salt() ~ " || " ~ text) }}
    end
{%- endmacro %}


{#- A list joined by commas as the hashes of its texts, sorted, joined by commas. The salt is a column:
    Spark 4 and Databricks take no subquery in a function of lists. -#}
{% macro hashed_list(list, salt) -%}
    case
        when {{ list }} = '' then ''
        when {{ list }} is not null then {{ sha256_hex_list(list, salt) }}
    end
{%- endmacro %}


{#- The salt is read where it is used and stands in no compiled statement. Of several the oldest
    counts, so that hashes stay what they are until somebody has looked. -#}
{% macro hash_salt() -%}
    (
        select salts.salt
        from {{ raw_table('loader', 'hash_salts') }} as salts
        order by salts.created_at asc, {{ by_code_point('salts.salt') }} asc
        limit 1
    )
{%- endmacro %}


{#- Tells whether hashes that are there were made with the salt of today. -#}
{% macro hash_salt_version() -%}
    {%- set relation = source('loader', 'hash_salts') -%}
    {%- if execute and model.resource_type != 'unit_test' and load_relation(relation) -%}
        {{ return(run_query("select " ~ sha256_hex("'version' || " ~ hash_salt())).rows[0][0]) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}


{#- Without a salt every hash would be null, and names would be gone without a word. -#}
{% macro assert_hash_salt_exists() -%}
    {%- if execute and flags.WHICH in ['build', 'run'] and needs_raw_rows() -%}
        {%- set relation = source('loader', 'hash_salts') -%}
        {%- if not load_relation(relation)
            or (run_query("select length(" ~ hash_salt() ~ ")").rows[0][0] or 0) < 16 -%}
            {{ exceptions.raise_compiler_error(
                "there is no salt to hash personal data with: " ~ relation
                ~ " has no row; run `make load`, which makes one"
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
