"""One module per system and contract: which request to send, where its records lie."""

RESOURCE_NAMES = (
    "users",
    "queues",
    "wrapup_codes",
    "skills",
    "divisions",
    "flows",
    "flow_outcomes",
    "external_contacts",
    "conversation_details",
    "flow_aggregates",
    "queue_aggregates",
    "agent_aggregates",
    "user_aggregates",
)
