"""Who is compared, as a table: how each is found, configured and started."""

import os
import re
import subprocess
from dataclasses import dataclass
from typing import Callable

import configurations
from processes import HarnessError
from programs import compiled, in_path


@dataclass(frozen=True)
class Contender:
    """One row. `find` answers with the program's path or None; `command` with the arguments to start it."""

    name: str
    find: Callable
    configure: Callable
    command: Callable
    version: tuple
    environment: tuple = ()
    # What it adds to each request that goes upstream.
    adds: frozenset = frozenset({"x-forwarded-for", "x-request-id"})


def _in_path(name):
    return lambda _settings: in_path(name)


def _first_existing(*candidates):
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def _find_heddle(settings):
    return _first_existing(settings.heddle)


def _find_envoy(settings):
    # The package's command is a Python script; the program itself is what shall be measured.
    library = os.path.join(settings.venv, "lib")
    versions = sorted(os.listdir(library)) if os.path.isdir(library) else []
    return _first_existing(
        *[os.path.join(library, name, "site-packages/envoy/_bin/envoy") for name in versions], in_path("envoy"))


def _find_traefik(settings):
    return _first_existing(os.path.join(settings.venv, "bin/traefik"), in_path("traefik"))


def _find_floor(settings):
    return compiled("floor", settings.directory)


# Envoy's command line is Heddle's command line.
def _envoy_command(program, configuration, _plan):
    return [program, "-c", configuration, "--concurrency", "1", "-l", "error"]


TABLE = [
    Contender("heddle", _find_heddle, configurations.envoy, _envoy_command, ("--version",)),
    Contender("envoy", _find_envoy, configurations.envoy,
              lambda *given: _envoy_command(*given) + ["--use-dynamic-base-id"], ("--version",)),
    Contender("haproxy", _in_path("haproxy"), configurations.haproxy,
              lambda program, configuration, _plan: [program, "-db", "-q", "-f", configuration], ("-v",)),
    Contender("nginx", _in_path("nginx"), configurations.nginx,
              lambda program, configuration, plan: [program, "-p", plan.directory, "-c", configuration], ("-v",)),
    Contender("traefik", _find_traefik, configurations.traefik,
              lambda program, configuration, _plan: [program, f"--configFile={configuration}"], ("version",),
              (("GOMAXPROCS", "1"),), frozenset({"x-forwarded-for"})),
    Contender("floor", _find_floor, lambda _plan: "",
              lambda program, _configuration, plan: [program, str(plan.listen_port), str(plan.upstream_port)], (),
              adds=frozenset()),
]


def named(name):
    for contender in TABLE:
        if contender.name == name:
            return contender
    raise HarnessError(f"no contender is called {name}; there are: {' '.join(c.name for c in TABLE)}")


def available(names, under_test, settings, say):
    """(contender, program) of those that are here. A missing one is said; the one under test must not be missing."""
    found = []
    for name in names:
        contender = named(name)
        program = contender.find(settings)
        if program:
            found.append((contender, program))
        elif name == under_test:
            where = f" at {settings.heddle}" if name == "heddle" else ""
            raise HarnessError(f"{name} is the one under test and is not there{where}; "
                               "build it (make release) or name another with --under-test")
        else:
            say(f"{name}: not found, left out")
    return found


def version(contender, program):
    """The first version number that the program prints about itself."""
    if not contender.version:
        return ""
    result = subprocess.run([program, *contender.version], capture_output=True, text=True, timeout=20)
    match = re.search(r"\d+\.\d+\.\d+", result.stdout + result.stderr)
    return match.group(0) if match else ""
