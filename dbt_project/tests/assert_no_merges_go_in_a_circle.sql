{{ config(severity='warn', store_failures=true, schema='test_failures') }}

-- G14. A warning: a circle is mended in Genesys alone. Until then the smallest id stands for all of
-- them, each conversation counts once, and the ids are in the table that the warning names.

select
    contact_id,
    canonical_contact_id
from {{ ref('bridge_contact_merges') }}
where is_in_circle
