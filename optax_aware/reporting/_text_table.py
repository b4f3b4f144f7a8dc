"""Tables for a person to read."""

from collections.abc import Iterable, Sequence


def aligned(table: Iterable[Sequence[str]], text_columns: int) -> list[str]:
    """Return a line for each row: the first columns to the left, the other ones to the right."""
    table = list(table)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < text_columns else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    ]
