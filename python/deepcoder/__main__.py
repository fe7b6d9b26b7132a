"""``python -m deepcoder``: the ``deepcoder`` command of the same installation."""

import os
import shutil
import sys
import sysconfig


def main() -> None:
    """Replace this process by the command; exits with 2 where it is not installed."""
    here = os.path.join(sysconfig.get_path("scripts"), "deepcoder")
    command = here if os.access(here, os.X_OK) else shutil.which("deepcoder")
    if command is None:
        sys.exit("error: the deepcoder command is not installed\nhint: install the wheel with `pip install deepcoder`")
    os.execv(command, [command, *sys.argv[1:]])


if __name__ == "__main__":
    main()
