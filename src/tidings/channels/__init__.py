"""Channels: chats and services that are told of issues and entries.

In come public entries and listed issues; out go webhooks of our own, and messages through Apprise.
"""
