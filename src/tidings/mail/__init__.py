"""Messages as bytes, and the ways they take: SMTP, a folder; and what comes back.

In: an envelope and what a message says. Out: a reply of the relay, or an error that says whose
fault it is; reports of failure and complaint, read.
"""
