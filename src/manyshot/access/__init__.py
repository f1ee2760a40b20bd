"""Who may do what in the assistant's service: customers by token, staff by login, programs by key;
limits; the audit log.

`door.AccessDoor` is what the service asks. How it is set up stands in docs/access.md.
"""
