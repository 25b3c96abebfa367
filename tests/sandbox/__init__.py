"""A Genesys Cloud organisation on localhost: its world, its clock, its API and its faults.

It is the other side of the wire: nothing here imports the loader, and what it answers follows the
published Platform API, not what the loader happens to ask.

world.py deals scripts over the hours of a period. Which there are stands in scripts.py; calls.py,
written.py and placed.py tell them, with the pen of draft.py; callers.py, roster.py and staff.py say
who takes part. metrics.py counts by Genesys' definitions, shaping.py writes records, and facts.py
takes from these what all aggregates add up. The files guide_… serve the same records to the guides.
"""
