"""One module per system and contract: which request to send, where its records lie."""

RESOURCE_NAMES = (
    "users",
    "queues",
    "wrapup_codes",
    "skills",
    "divisions",
    "flows",
    "flow_outcomes",
    "conversation_details",
)
