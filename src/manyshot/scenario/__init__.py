"""Scenarios: a scripted customer, the assistant in its world, and the verdict."""
