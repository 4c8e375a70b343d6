#!/usr/bin/env python3
"""Reads pages of /config_dump with Envoy's own messages (PyPI xds-protos); no code of Heddle is in it.

usage: read_config_dump.py HOST PORT PATH...

Prints a JSON list with one object a page: its status, the page or, where it is no JSON, its text, and `problem`: what is
wrong with it as an envoy.admin.v3.ConfigDump. An unknown field anywhere is wrong, and so is a resource without its parts.
"""

import http.client
import importlib
import json
import pkgutil
import sys

import envoy
import udpa
import xds
from envoy.admin.v3 import config_dump_pb2
from google.protobuf import json_format


def load(package):
    """Loads every message, so that whatever an Any holds is known."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        if module.name.endswith("_pb2"):
            try:
                importlib.import_module(module.name)
            except (ImportError, TypeError):
                pass  # A module whose own imports xds-protos lacks.


def read(host, port, path):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    if response.status != 200:
        return {"status": response.status, "text": text.strip()}
    result = {"status": 200, "page": json.loads(text)}
    try:
        json_format.Parse(text, config_dump_pb2.ConfigDump())
    except json_format.ParseError as error:
        result["problem"] = str(error)
    return result


def main():
    for package in (envoy, udpa, xds):
        load(package)
    host, port, *paths = sys.argv[1:]
    print(json.dumps([read(host, int(port), path) for path in paths]))


main()
