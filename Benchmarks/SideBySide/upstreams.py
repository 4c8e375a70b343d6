"""The service behind the proxies: fast enough not to be what is measured, and able to say what it saw."""

import os

from configurations import nginx_common
from processes import HarnessError, Running
from programs import compiled, in_path
from scenarios import LARGE, SMALL

# What a request looked like when it arrived, for the check that contenders do the same work.
SAW = ('{"protocol":"$server_protocol","forwarded_for":"$http_x_forwarded_for","request_id":"$http_x_request_id",'
       '"lua":"$http_x_lua","tenant":"$http_x_tenant","requests":"$connection_requests"}')


def content(directory):
    """A folder with the files that are served."""
    folder = os.path.join(directory, "content")
    os.makedirs(folder, exist_ok=True)
    for name, size in (("small", SMALL), ("large", LARGE)):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write((b"0123456789abcdef" * (size // 16))[:size])
    return folder


def start(kind, port, directory, cores, observing=False):
    """Starts the upstream for HTTP/1 or HTTP/2. An observing one answers /saw too, and may be slower."""
    folder = content(directory)
    fast = {"h1": compiled("upstream", directory), "h2": in_path("nghttpd")}[kind]
    if observing or not fast:
        running = _start_nginx(kind, port, directory, folder, cores)
    elif kind == "h1":
        running = Running("upstream-c", [fast, str(port)], cores, directory)
    else:
        command = [fast, "--no-tls", "-a", "127.0.0.1", "-m", "1000", "-d", folder, str(port)]
        running = Running("upstream-nghttpd", command, cores, directory)
    try:
        running.wait_for_port(port)
    except HarnessError:
        running.stop()
        raise
    return running


def _start_nginx(kind, port, directory, folder, cores):
    program = in_path("nginx")
    if not program:
        raise HarnessError("no nginx for the upstream; `make setup` installs it")
    home = os.path.join(directory, "upstream-nginx")
    os.makedirs(home, exist_ok=True)
    head, http = nginx_common(home)
    with open(os.path.join(folder, "small"), encoding="ascii") as file:
        small = file.read()
    listen = " http2" if kind == "h2" else ""
    text = (f"{head}http {{\n{http}  open_file_cache max=10;\n  sendfile on;\n  http2_max_concurrent_streams 1000;\n"
            f"  server {{\n    listen 127.0.0.1:{port}{listen};\n    root {folder};\n"
            f"    location ~ saw$ {{ return 200 '{SAW}'; }}\n"
            f"    location = /large {{ }}\n"
            f"    location / {{ return 200 '{small}'; }}\n  }}\n}}\n")
    path = os.path.join(home, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return Running("upstream-nginx", [program, "-p", home, "-c", path], cores, home)
