"""manyshot: from a few approved examples to a private assistant that can be relied on.

Importing the package is light: no torch, no llama.cpp, no web framework, nothing printed, nothing read.
"""

__version__ = "0.1.0"
