"""Images of real web servers, laid out as those of Docker Hub are: Debian's nginx and Caddy, with what they need."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import docker

from tests.docker.images import LABEL, Images, tar_of
from tests.real_parts import SERVERS, program, real_part

ROOT = "/site"
PORT = 8080
_NGINX = f"""
user root;
worker_processes 1;
daemon off;
error_log stderr;
pid /tmp/nginx.pid;
events {{}}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    {" ".join(f"{one}_temp_path /tmp/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
    include /etc/nginx/conf.d/*.conf;
}}
"""
_OWN = f"server {{ listen {PORT}; root {ROOT}; }}\n"
_COMMANDS = {
    "nginx": ["nginx", "-c", "/etc/nginx/nginx.conf"],
    "caddy": ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
}


def build(images: Images, tag: str, server: str, port: int = PORT) -> str:
    """Load an image of the server, which listens on `port`; answers its id."""
    real_part(server)
    path = Path(str(program(server)))
    files = {f"usr/bin/{server}": path.read_bytes(), "tmp/.keep": b"", "site/.keep": b""}
    files |= {"etc/passwd": b"root:x:0:0::/:/bin/false\n", "etc/group": b"root:x:0:\n"}
    files |= {one.lstrip("/"): Path(one).resolve().read_bytes() for one in _libraries(path)}
    if server == "nginx":
        files |= {"etc/nginx/nginx.conf": _NGINX.encode(), "etc/nginx/conf.d/default.conf": _OWN.encode()}
        files["etc/nginx/mime.types"] = Path("/etc/nginx/mime.types").read_bytes()
        files |= {"var/log/nginx/.keep": b"", "var/lib/nginx/.keep": b""}
    else:
        files["etc/caddy/Caddyfile"] = f":{PORT}\nroot * {ROOT}\nfile_server\n".encode()
    layer = tar_of(files, programs=("usr/bin/", "lib"))
    described = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Cmd": _COMMANDS[server],
            "Env": ["PATH=/usr/bin", "XDG_DATA_HOME=/tmp", "XDG_CONFIG_HOME=/tmp"],
            "Labels": {LABEL: images.session},
            "ExposedPorts": {f"{port}/tcp": {}},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(described, sort_keys=True).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
    client: docker.DockerClient = images.client
    (image,) = client.images.load(tar_of({name: text, "layer.tar": layer, "manifest.json": manifest}))
    return str(image.id)


def _libraries(path: Path) -> list[str]:
    """The shared libraries of a program; none of one that is linked statically."""
    said = subprocess.run(["ldd", str(path)], check=False, capture_output=True, text=True, env={"PATH": SERVERS})
    return re.findall(r"(/\S+) \(0x", said.stdout)
