"""Adapters to third-party engines, one file each; imported by name, lazily."""
