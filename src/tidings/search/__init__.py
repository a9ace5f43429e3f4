"""Full-text search: words, questions, ranking, and searches that are saved.

In: entries to be indexed, and questions as somebody typed them. Out: hits with the piece of text
that says why.
"""
