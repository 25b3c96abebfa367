{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        made_of={'source': 'guides', 'records_of': [
            'guides_interactions', 'guides_conversations', 'guides_contacts',
        ]}
    )
}}

-- depends_on: {{ ref('stg_loader__loads') }}
-- Grain: one row per resource, load and top-level field of its records.

{{ record_fields('guides', ['guides_interactions', 'guides_conversations', 'guides_contacts']) }}
