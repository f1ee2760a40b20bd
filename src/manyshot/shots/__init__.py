"""Shots: first drafts of dialogues, completed wordings, and what people say of them. It is given what spec has read."""
