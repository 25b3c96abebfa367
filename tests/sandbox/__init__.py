"""A Genesys Cloud organisation on localhost: its world, its clock, its API and its faults.

It is the other side of the wire: nothing here imports the loader, and what it answers follows the
published Platform API, not what the loader happens to ask.
"""
