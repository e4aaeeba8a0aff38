"""Mutation testing: change the code in a thousand small ways, and see whether a test notices each.

``python -m tests.mutation`` (extra ``mutation``) takes the files that ``tool.cosmic-ray`` in pyproject.toml
names, which is hours; ``python -m tests.mutation diynn/losses.py`` takes a part, and parts may run side by
side. It works on a copy in ``.mutation/`` and goes on where it was stopped, until code or tests are changed.
At the end it prints the mutants that survived.
"""

import hashlib
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROFILES = ("mutation", "dev")  # of hypothesis: few examples for every mutant, more for those that survive


def main(paths):
    """Evaluate the mutants of some files; return the exit status: 1 if one survived."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["cosmic-ray"]
    settings["module-path"] = paths = paths or settings["module-path"]
    settings["test-command"] = f"{shlex.quote(sys.executable)} -m {settings['test-command']}"
    folder = ROOT / ".mutation" / "+".join(paths).replace("/", ".")
    config, session = folder / "config.toml", folder / "session.sqlite"
    state = hashlib.sha256(
        b"".join((ROOT / file).read_bytes() for file in files() if (ROOT / file).is_file())
    )
    stamp = folder / state.hexdigest()
    if not stamp.exists():
        shutil.rmtree(folder, ignore_errors=True)
    copy(folder)

    from cosmic_ray.config import serialize_config

    config.write_text(serialize_config(settings), encoding="utf-8")
    if not stamp.exists():
        run(folder, "cosmic-ray", "baseline", config)  # the tests pass on the code as it is
        run(folder, "cosmic-ray", "init", config, session)
        run(folder, "cr-filter-operators", session, config)
        stamp.touch()
    for profile in PROFILES:
        if profile != PROFILES[0]:
            forget_survivors(session)
        run(folder, "cosmic-ray", "exec", config, session, profile=profile)
    return report(session)


def files():
    """Return the files of the working tree that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [file for file in sorted(listed.split("\0")) if (ROOT / file).is_file()]


def copy(folder):
    """Copy the working tree, as a mutant is written over the file that it is made of."""
    for file in files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, folder / file)


def run(folder, command, *arguments, profile=PROFILES[0]):
    """Run a command of cosmic-ray in the copy."""
    script = Path(sys.executable).with_name(command)
    environment = {**os.environ, "HYPOTHESIS_PROFILE": profile, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([script, *arguments], cwd=folder, env=environment, check=True)


def forget_survivors(session):
    """Drop the results of mutants that survived, so that they are tested again."""
    with sqlite3.connect(session) as database:
        database.execute("DELETE FROM work_results WHERE test_outcome = 'SURVIVED'")


def report(session):
    """Print the survivors and the share of the killed; return whether there are survivors."""
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome

    with use_db(str(session), WorkDB.Mode.open) as database:
        results = [result for _, result in database.completed_work_items]
    tested = [result for result in results if result.worker_outcome is not WorkerOutcome.SKIPPED]
    survivors = [result for result in tested if not result.is_killed]
    for result in survivors:
        print(result.diff, end="\n\n")
    killed = len(tested) - len(survivors)
    print(f"{killed} of {len(tested)} mutants killed ({killed / max(len(tested), 1):.1%})")
    return int(bool(survivors))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
