"""The console script ``diynn``, beside the package so that Ctrl-C while that is imported is caught."""

import sys


def main() -> int:
    """Run the command line; return the exit status, 130 for Ctrl-C, as a shell has it."""
    try:
        from diynn.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("diynn: interrupted", file=sys.stderr)
        return 130
