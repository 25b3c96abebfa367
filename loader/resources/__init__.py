"""One module per system and contract: which request to send, where its records lie."""

# In the order they are read: names before what names them, contacts after what names contacts.
RESOURCE_NAMES = {
    "platform": (
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
    ),
    "guides": (
        "guides_participants",
        "guides_interactions",
        "guides_flow_outcomes",
        "guides_queue_intervals",
        "guides_agent_intervals",
        "guides_contacts",
        "guides_conversations",
    ),
}
