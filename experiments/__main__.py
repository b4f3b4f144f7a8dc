"""``python -m experiments``."""

import sys

if __name__ == "__main__":
    try:
        from experiments.cli import main

        sys.exit(main())
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"error: {error.name} is not installed; "
            'run `python -m pip install -e ".[experiments]"`.\n'
        )
        sys.exit(2)
