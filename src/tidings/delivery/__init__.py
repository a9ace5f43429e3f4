"""The boundary to mail: message bytes, SMTP, a folder."""
