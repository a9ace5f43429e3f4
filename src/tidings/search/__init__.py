"""Full-text search: tokens, query syntax, ranking, snippets, saved searches.

In: entries to be indexed, and queries as somebody typed them. Out: ranked hits with snippets.
"""
