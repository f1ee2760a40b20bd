"""Approved dialogues -> many, whose calls really ran."""
