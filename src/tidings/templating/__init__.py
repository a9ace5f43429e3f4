"""Jinja2, kept in a sandbox: the operator's templates, the phrases of each language.

In: a context that a template may use, no more. Out: HTML or plain text.
"""
