"""The database itself: its engine, tables, schema versions, migrations and backups.

In: the URL of an SQLite file or a PostgreSQL database. Out: transactions, and tables for the
stores of all other packages.
"""
