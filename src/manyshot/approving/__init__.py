"""The web page on which an expert reads, edits and approves dialogues: `manyshot shots page DOMAIN`.

The one rule: it has no rules of its own. What is true, what an edit is and who may approve says the `shotbook`.
"""
