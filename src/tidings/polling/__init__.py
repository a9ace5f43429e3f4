"""Polling: which source is due, what it says, what is new in it, when to come again.

In: sources that are due, documents, pushes of hubs. Out: entries with their state and publish
sequence, and the source's next poll.
"""
