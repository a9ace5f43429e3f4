"""Stories: entries of different sources that tell the same.

In: entries that have just become public. Out: which of them belong together, and why.
"""
