"""Business flows as graphs: steps, conditions, paths, pictures. Reading and checking files is `spec`'s part."""
