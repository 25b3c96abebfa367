"""Which engines the models are for, and whose SQL each of them takes."""

# Each with the prefixes of its macros, in the order in which dbt looks for them. The dialect of
# sqlglot has the engine's name.
SUPPORTED: dict[str, tuple[str, ...]] = {
    "duckdb": ("duckdb",),
    "postgres": ("postgres",),
    "spark": ("spark",),
    "databricks": ("databricks", "spark"),
    "snowflake": ("snowflake",),
    "bigquery": ("bigquery",),
}
