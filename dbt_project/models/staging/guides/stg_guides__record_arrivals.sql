-- Grain: one row per resource, window and time of asking in which a record was seen for the first
-- time.

{{ record_arrivals('guides', ['guides_participants', 'guides_interactions']) }}
