"""The command ``gallery``; what it needs is imported when it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass
class Gallery:
    """Draw the pictures of the README from short runs on digits: a minute."""

    steps: int = 600
    """Updates of each run."""
    out: Path = Path("runs/gallery")
    """Where the pictures are written; earlier ones are replaced."""

    interrupted: ClassVar[str] = "the same command begins anew."

    def run(self) -> None:
        """Carry it out."""
        from rich.console import Console

        from experiments.gallery.pictures import draw_gallery

        draw_gallery(self.steps, self.out, Console())
