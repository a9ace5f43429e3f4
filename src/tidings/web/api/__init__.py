"""The API for programs: what is published as JSON, and operators' actions by token."""
