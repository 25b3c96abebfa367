-- Grain: one row per window and time of asking in which a conversation was seen for the first time.

{{ record_arrivals('platform', ['conversation_details']) }}
