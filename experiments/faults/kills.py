"""``python -m experiments kills``: a run that is killed again and again, and goes on each time."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError
from experiments.files import csv_text, remove, write_json, write_text
from experiments.folder import hold

ARGUMENTS = ("--contender", "greedy", "--seeds", "1", "--checkpoint-seconds", "0")
COMPARED = ("results.csv", "summary.csv", "config.json")
UPDATES_A_KILL = 230
"""Ten epochs of digits: more than is trained between two kills."""
PATIENCE = 600.0
"""Seconds after which a process that neither ends nor saves anything is given up."""


class Kill(NamedTuple):
    """One kill.

    Attributes:
      number: from 1.
      seconds: how long the process had lived.
      checkpoint: the step of the newest checkpoint left behind, 0 where there is none.
    """

    number: int
    seconds: float
    checkpoint: int


class KilledRun(NamedTuple):
    """What came of it: the kills, and the files that differ from those of the unkilled run."""

    kills: list[Kill]
    different: list[str]


def run_kills(times: int, folder: Path, console: Console) -> None:
    """Kill and resume a run, and say whether it ended as one does that nobody killed.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    if times < 1:
        raise UsageError(f"--times must be at least 1, got {times}.")

    def tell(kill: Kill) -> None:
        say(console, f"kill {kill.number} after {kill.seconds:.1f} s, at step {kill.checkpoint}")

    with hold(folder):
        for name in ("killed", "whole"):
            _remove_run(folder / name)
        begun = time.monotonic()
        found = kill_again_and_again(times, folder, tell)
        write_text(folder / "kills.csv", kills_csv(found.kills))
        content = {
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - begun, 1),
            "kills": len(found.kills),
            "compared": COMPARED,
            "different": found.different,
            **describe(),
        }
        write_json(folder / "metadata.json", content)
        verdict = f"differs in {', '.join(found.different)}" if found.different else "is the same"
        say(console, f"killed {len(found.kills)} times; the end {verdict}")


def kill_again_and_again(
    kills: int, folder: Path, listener: Callable[[Kill], None], seed: int = 0
) -> KilledRun:
    """Kill a run at random moments and resume it, and compare the end with that of another.

    Every second process is killed at any moment of its start or shortly after it, the others at
    any moment after they have saved something: so the run gets on, and no moment is spared.
    """
    steps = max(2, kills) * UPDATES_A_KILL
    generator = random.Random(seed)
    killed, whole = folder / "killed", folder / "whole"
    begun = time.monotonic()
    with _start(whole, steps) as process:
        _wait_for_a_checkpoint(process, whole, 0)
        start = time.monotonic() - begun
        if process.wait() != 0:
            raise UsageError(f"a run in {whole} could not be finished.")
    found: list[Kill] = []
    share = steps // (kills + 1)
    while len(found) < kills:
        started = time.monotonic()
        known = newest_checkpoint(killed)
        with _start(killed, steps) as process:
            if len(found) % 2:
                seconds = generator.uniform(0.0, 1.2 * start)
            else:
                _wait_for_a_checkpoint(process, killed, known)
                seconds = generator.uniform(0.0, 0.3)
            _wait(process, seconds, killed, known + share)
            process.kill()
            code = process.wait()
        if code == 0:
            break
        if code != -signal.SIGKILL:
            raise UsageError(f"a run in {killed} ended with exit code {code}.")
        seconds = time.monotonic() - started
        found.append(Kill(len(found) + 1, seconds, newest_checkpoint(killed)))
        listener(found[-1])
    _finish(killed, steps)
    different = [
        name for name in COMPARED if (killed / name).read_bytes() != (whole / name).read_bytes()
    ]
    return KilledRun(found, different)


def kills_csv(kills: list[Kill]) -> str:
    """A row for each kill."""
    return csv_text(
        Kill._fields, ([kill.number, f"{kill.seconds:.2f}", kill.checkpoint] for kill in kills)
    )


def newest_checkpoint(out: Path) -> int:
    """The step of the newest checkpoint that is complete, 0 where there is none."""
    folder = out / "checkpoints" / "greedy"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return max((int(name) for name in names if name.isdigit()), default=0)


def _remove_run(out: Path) -> None:
    """Remove what an earlier command has trained, and nothing else."""
    if out.exists() and any(out.iterdir()) and not (out / "config.json").exists():
        raise UsageError(f"--out: {out} holds no run. Name another folder, or remove that one.")
    remove(out)


def _command(out: Path, steps: int) -> list[str]:
    chosen = ["--steps", str(steps), "--out", str(out), "--resume"]
    return [sys.executable, "-m", "experiments", "compare", *ARGUMENTS, *chosen]


def _start(out: Path, steps: int) -> subprocess.Popen:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(_command(out, steps), stdout=quiet)


def _finish(out: Path, steps: int) -> None:
    with _start(out, steps) as process:
        if process.wait() != 0:
            raise UsageError(f"a run in {out} could not be finished.")


def _wait(process: subprocess.Popen, seconds: float, out: Path, enough: int) -> None:
    """Wait so long, or until the run has got so far: there are to be as many kills as asked for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if newest_checkpoint(out) >= enough:
            return
        time.sleep(0.01)


def _wait_for_a_checkpoint(process: subprocess.Popen, out: Path, known: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while newest_checkpoint(out) == known and process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            raise UsageError(f"a run in {out} saves nothing.")
        time.sleep(0.01)
