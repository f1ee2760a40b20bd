"""Dialogues: how they are written down, and whether they are true of a flow and a world. No files are read here."""
