"""What `docker inspect` prints of a container and an image, as inputs of tests: everything default unless given."""

from __future__ import annotations

from typing import Any

from tasks.adoption.inspected import Inspected

ID = "4f6e" + "0" * 60
IMAGE_ID = "sha256:" + "9a" * 32
DIGEST = "sha256:" + "b7" * 32


def image(**config: Any) -> dict[str, Any]:
    """An image of a registry; `config` replaces keys of its configuration."""
    return {
        "Id": IMAGE_ID,
        "RepoTags": ["registry.example/web:3"],
        "RepoDigests": [f"registry.example/web@{DIGEST}"],
        "Config": {
            "Env": ["PATH=/usr/bin"],
            "Cmd": ["serve"],
            "Entrypoint": ["/entry"],
            "Labels": {"maintainer": "someone"},
            "ExposedPorts": {"8080/tcp": {}},
            "WorkingDir": "/srv",
        }
        | config,
    }


def container(
    config: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
    of: dict[str, Any] | None = None,
    name: str = "web",
    **raw: Any,
) -> Inspected:
    """A running container of `of` that was started by `docker run -d --name web IMAGE`."""
    of_image = of or image()
    from_image = of_image["Config"]
    labels = (from_image.get("Labels") or {}) | ((config or {}).get("Labels") or {})
    env = [*((config or {}).get("Env") or []), *(from_image.get("Env") or [])]
    return Inspected(
        {
            "Id": ID,
            "Name": f"/{name}",
            "Image": IMAGE_ID,
            "Created": "2026-11-30T10:00:00.5Z",
            "RestartCount": 0,
            "State": {"Status": "running", "Running": True, "ExitCode": 0, "StartedAt": "2026-11-30T10:00:01Z"},
            "Config": {
                "Hostname": ID[:12],
                "Domainname": "",
                "User": "",
                "AttachStdin": False,
                "AttachStdout": False,
                "AttachStderr": False,
                "Tty": False,
                "OpenStdin": False,
                "StdinOnce": False,
                "Image": "registry.example/web:3",
                "Volumes": None,
                "OnBuild": None,
            }
            | from_image
            | (config or {})
            | {"Labels": labels, "Env": env},
            "HostConfig": {
                "Binds": None,
                "ContainerIDFile": "",
                "LogConfig": {"Type": "json-file", "Config": {}},
                "NetworkMode": "default",
                "PortBindings": {},
                "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
                "AutoRemove": False,
                "VolumeDriver": "",
                "VolumesFrom": None,
                "CapAdd": None,
                "CapDrop": None,
                "CgroupnsMode": "host",
                "Dns": [],
                "ExtraHosts": None,
                "IpcMode": "private",
                "OomScoreAdj": 0,
                "PidMode": "",
                "Privileged": False,
                "ReadonlyRootfs": False,
                "SecurityOpt": None,
                "ShmSize": 67108864,
                "Runtime": "runc",
                "ConsoleSize": [0, 0],
                "Memory": 0,
                "NanoCpus": 0,
                "MemorySwap": 0,
                "MemorySwappiness": None,
                "OomKillDisable": False,
                "PidsLimit": None,
                "Ulimits": None,
                "MaskedPaths": ["/proc/kcore"],
                "ReadonlyPaths": ["/proc/bus"],
            }
            | (host or {}),
            "Mounts": [],
            "NetworkSettings": {"Ports": {"8080/tcp": None}, "Networks": {"bridge": {"NetworkID": "n"}}},
        }
        | raw,
        of_image,
    )
