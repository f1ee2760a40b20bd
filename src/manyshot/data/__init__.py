"""Few shots to many: values, combinations, wording, negatives, and the data set that training reads."""
