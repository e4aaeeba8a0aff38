"""``python -m diynn``: the command ``diynn``."""

import sys

from diynn_command import main

if __name__ == "__main__":
    sys.exit(main())
