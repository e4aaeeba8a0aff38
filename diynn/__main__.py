"""``python -m diynn``: the command ``diynn``."""

import sys

from diynn.cli import main

if __name__ == "__main__":
    sys.exit(main())
