"""Print the oldest versions that pyproject.toml allows, as constraints: ``python -m tests.minima``.

Of what diynn needs itself and of the extras named, by default ``test``, with those that they bring.
``pip install -c`` of them installs the oldest of each, and the newest of what these need.
"""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

PAGE = Path(__file__).parent.parent / "pyproject.toml"
PROJECT = tomllib.loads(PAGE.read_text(encoding="utf-8"))["project"]


def requirements(lines):
    """Yield the requirements of other projects, those of our own extras among them."""
    for line in lines:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            for extra in sorted(requirement.extras):
                yield from requirements(PROJECT["optional-dependencies"][extra])
        else:
            yield requirement


def minima(lines):
    """Return the oldest version that requirements allow of each project, by its name.

    Raises
    ------
    ValueError
        If they allow any version of one.
    """
    found = {}
    for each in requirements(lines):
        oldest = [Version(one.version) for one in each.specifier if one.operator == ">="]
        if not oldest:
            raise ValueError(f"{PAGE.name}: `{each.name}` must have an oldest version, by >=, got '{each}'")
        found[each.name] = max([*oldest, found.get(each.name, oldest[0])])
    return found


if __name__ == "__main__":
    extras = ",".join(sys.argv[1:]) or "test"
    for name, version in minima([*PROJECT["dependencies"], f"{PROJECT['name']}[{extras}]"]).items():
        print(f"{name}=={version}")
