"""Rows that everybody reads: sources, entries, topics, newsletters, and the log of changes.

In: a connection and what the operator or a poll wants stored. Out: values of `model`. Whatever
changes what the public sees gets its change number and publish sequence here.
"""
