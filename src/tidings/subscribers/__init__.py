"""Subscribers: sign-up, preferences, consent, import and export, bounces, and their messages.

In: forms, links, files and reports. Out: subscriptions with a line in the consent record for
each change, and transactional messages in the outbox.
"""
