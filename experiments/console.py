"""Plain lines on the screen."""

from rich.console import Console


def say(console: Console, line: str) -> None:
    """Print a line as it is: neither marked up nor coloured nor wrapped."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
