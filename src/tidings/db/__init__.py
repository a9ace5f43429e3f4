"""The database: engine and transactions, tables, column types, migrations, backups.

In: the URL of an SQLite file or a PostgreSQL database. Out: transactions, and tables for the
stores of all other packages.
"""
