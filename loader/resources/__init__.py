"""One module per system and contract: which request to send, where its records lie."""
