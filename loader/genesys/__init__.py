"""The Genesys Cloud API: hosts, tokens, quota, retries, page tokens."""
