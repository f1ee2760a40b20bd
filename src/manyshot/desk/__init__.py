"""The desk: a small, real ticket back end that an assistant is served against.

One rule: what must never happen is forbidden by the database itself (two visits in one slot, one key for two tickets);
the code above it only says so politely.
"""
