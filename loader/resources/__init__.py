"""One module per endpoint: which request to send, where its records lie in the answer."""
