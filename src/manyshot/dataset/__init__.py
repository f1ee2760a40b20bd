"""Files of training data: other trainers' forms in and out, near-duplicates, splits, private data, lengths, a page."""
