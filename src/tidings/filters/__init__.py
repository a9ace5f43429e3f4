"""The operator's filters: which entries of a source, or for a newsletter, are wanted.

In: rules and entries. Out: keep or drop, with the reason.
"""
