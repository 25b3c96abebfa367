"""Loads raw Genesys Cloud records into the warehouse."""
