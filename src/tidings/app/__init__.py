"""The program, put together: each thing that is used in many places is built here, once.

In: settings. Out: what commands, pages and ticks work with.
"""
