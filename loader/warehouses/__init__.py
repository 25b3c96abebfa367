"""The warehouse the records land in: one file for each kind, and what knows no kind."""
