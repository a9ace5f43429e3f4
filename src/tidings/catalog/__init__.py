"""Tables that every package reads: sources, entries, topics, newsletters, and the change log.

In: a connection, and what is to be stored. Out: values of `model`. Whatever changes what the
public sees gets its change number and publish sequence here.
"""
