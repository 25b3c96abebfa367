{#- Redshift is not supported: its JSON is SUPER, and the versions of Postgres, which dbt takes where
    there is none for Redshift, compile there and fail one by one. Every node asks for its schema, so
    none gets as far. Who adds the versions removes this one. -#}
{% macro redshift__generate_schema_name(custom_schema_name, node) -%}
    {{ exceptions.raise_compiler_error(
        "Redshift is not supported: the models have no SQL for it. Use another warehouse, or add a"
        " redshift__ version of every macro that dbt_project/macros/cross_db/postgres.sql has one of"
    ) }}
{%- endmacro %}
