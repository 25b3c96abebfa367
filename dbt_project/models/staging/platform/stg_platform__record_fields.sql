{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        made_of={
            'source': 'platform', 'records_of': ['conversation_details', 'external_contacts'],
        }
    )
}}

-- depends_on: {{ ref('stg_loader__loads') }}
-- Grain: one row per resource, load and top-level field of its records.

{{ record_fields('platform', ['conversation_details', 'external_contacts']) }}
