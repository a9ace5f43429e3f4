"""Newsletters: due slots become windows, windows issues and deliveries, deliveries messages.

In: what became public, and who subscribes. Out: each issue once to each subscriber; every doubt
is on record. The sender here carries transactional messages as well.
"""
