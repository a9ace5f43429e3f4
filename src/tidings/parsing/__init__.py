"""Parsing: feeds and pages of the web, from bytes to clean values, in killable child processes.

In: documents as they were fetched, and hashes of what is stored. Out: `ParsedFeed` with clean
HTML and plain text, or a `ParseError`.
"""
