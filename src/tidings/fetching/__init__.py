"""Fetching: HTTP to other people's servers; conditional GET, SSRF guard, politeness.

In: URLs with the validators of last time, forms for hubs. Out: documents whole and decoded,
"not modified", or one of our errors.
"""
