"""Reads and checks what a person gives: the domain folder, API descriptions, typed functions."""
