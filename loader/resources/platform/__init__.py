"""Resources of the published Platform API v2."""
