"""The real services for development and tests, started by one command and ended by one: see `python -m devstack`."""
