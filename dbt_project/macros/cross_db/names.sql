{#- What the engine calls a type. Contracts, sources, seeds and models name types as the standard does:
    text, double precision, timestamptz, bigint, numeric(p, s), boolean, date, timestamp. A timestamp is a
    time in UTC; what the engine makes of it has microseconds. -#}
{% macro sql_type(name) -%} {{ return(adapter.dispatch('sql_type', 'genesys')(name)) }} {%- endmacro %}

{% macro default__sql_type(name) -%} {{ return(name) }} {%- endmacro %}


{#- A name as the engine stores it that was written without quotes: what is then quoted, because an
    analyst chose it and it may be a word of SQL, is found without quotes as well. -#}
{% macro stored_name(name) -%}
    {{ return(adapter.dispatch('stored_name', 'genesys')(name)) }}
{%- endmacro %}

{% macro default__stored_name(name) -%} {{ return(name) }} {%- endmacro %}


{#- A text as a literal. Engines differ in what a backslash and two quotes are in one. -#}
{% macro text_literal(text) -%}
    {{ return(adapter.dispatch('text_literal', 'genesys')(text)) }}
{%- endmacro %}


{#- `union` and `except`, which make each row once. -#}
{% macro set_operator(name) -%}
    {{ return(adapter.dispatch('set_operator', 'genesys')(name)) }}
{%- endmacro %}

{% macro default__set_operator(name) -%} {{ return(name) }} {%- endmacro %}
