"""`python -m manyshot`: the command line where the `manyshot` script is not on the path."""

from manyshot.cli import main

if __name__ == "__main__":
    main()
