"""The assistant in service: conversations that outlive the process, over HTTP, with people behind them.

The one rule: a step is on disk before the next one begins, and a call before it is made.
"""
