"""Where programs are: in the path, in the folders of system programs, or made here from C."""

import os
import shutil
import subprocess

from processes import HarnessError

HERE = os.path.dirname(os.path.abspath(__file__))


def in_path(name):
    """The program's path, also where a user's path leaves out the folders of system programs; else None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def compiled(name, directory, *flags):
    """The program made from NAME.c beside this file, compiled once a run; None where there is no compiler."""
    compiler = shutil.which("cc")
    if not compiler:
        return None
    program = os.path.join(directory, name)
    if not os.path.exists(program):
        result = subprocess.run(
            [compiler, "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", program, os.path.join(HERE, f"{name}.c")],
            capture_output=True, text=True)
        if result.returncode != 0:
            raise HarnessError(f"{name}.c does not compile:\n{result.stderr}")
    return program
