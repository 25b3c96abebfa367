{{ config(severity='warn') }}

-- A warning: Genesys computes tHandle its own way, and corrects it on another night than segments.
-- A leg that still goes on has no final tHandle.

select
    conversation_id,
    session_id,
    handle_seconds,
    genesys_handle_seconds
from {{ ref('fct_conversation_legs') }}
where
    not is_open
    and genesys_handle_seconds <> handle_seconds
