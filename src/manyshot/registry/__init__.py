"""The registry: where a domain's calls really go, and with whose rights.

One rule: what stands here the model never sees. Addresses, tokens and the customer's identity are put to a call after
it was written, and nothing of them comes back in an answer.
"""
