"""``python -m rencheng`` is the command line."""

from rencheng.cli import main

if __name__ == "__main__":
    main()
