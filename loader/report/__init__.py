"""Pages for people: tables of the warehouse and charts, in one file that asks nobody anything."""
