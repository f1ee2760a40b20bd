"""Trainers that are not ours. One rule: each takes a `Course`, the same samples with the same ids and the same loss."""
