"""What the public sees: feeds, pages, archives, the static site, pings to hubs.

In: an address or a scope. Out: a document with its validators.
"""
