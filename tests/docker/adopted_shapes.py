"""Twenty things that people run: containers and compose projects, as other tools start them. Shapes of our own.

In a compose file `@image`, `@mine` and `@port` are filled in; what has to be labelled for tidying up is labelled there.
"""

from __future__ import annotations

from typing import Any

COOLIFY = {
    "coolify.managed": "true",
    "coolify.applicationId": "12",
    "coolify.type": "application",
    "coolify.resourceName": "front",
    "traefik.enable": "true",
    "traefik.http.routers.front.rule": "Host(`front.example`)",
}
SWARM = {
    "com.docker.swarm.service.name": "srv-captain--notes",
    "com.docker.swarm.task.id": "t1",
    "com.docker.swarm.task.name": "srv-captain--notes.1.t1",
}

# What `docker run` was given, as the SDK names it. `volume` and `network`: made before, with a name of the test's.
CONTAINERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "a published port, a volume and variables": {
        "ports": {"8080/tcp": ("127.0.0.1", "@port")},
        "volume": "/data",
        "environment": {"MODE": "fast", "API_KEY": "abcdefgh-1", "DATABASE_URL": "postgres://u:pw-of-db@db/x"},
        "restart_policy": {"Name": "unless-stopped"},
    },
    "Coolify": {
        "labels": COOLIFY,
        "network": "coolify",
        "restart_policy": {"Name": "unless-stopped"},
        "environment": {"COOLIFY_FQDN": "x.example"},
    },
    "Kamal": {
        "labels": {"service": "shop", "role": "web", "destination": ""},
        "network": "kamal",
        "environment": {"KAMAL_VERSION": "f00", "RAILS_MASTER_KEY": "0123456789abcdef"},
        "log_config": {"type": "json-file", "config": {"max-size": "10m"}},
        "restart_policy": {"Name": "unless-stopped"},
    },
    "CapRover": {
        "labels": SWARM,
        "environment": {"CAPROVER_GIT_COMMIT_SHA": "f00"},
        "mem_limit": "128m",
        "memswap_limit": "128m",
    },
    "limits": {
        "mem_limit": "96m",
        "memswap_limit": "96m",
        "nano_cpus": 500_000_000,
        "shm_size": "32m",
        "read_only": True,
        "tmpfs": {"/tmp": "size=16m", "/run": ""},
        "environment": {"A": "1"},
    },
    "another program": {
        "entrypoint": ["/bin/busybox", "sh", "-c"],
        "command": ["httpd -f -p 8080 -h /www"],
        "user": "0:0",
        "working_dir": "/www",
    },
    "an anonymous volume and hosts": {
        "volumes": ["/keep"],
        "extra_hosts": {"db": "10.1.2.3"},
        "environment": {"MODE": "slow"},
    },
    "powers": {"cap_add": ["SYS_CHROOT"], "devices": ["/dev/null:/dev/nothing:rw"]},
    "what a spec cannot say": {
        "cap_drop": ["NET_RAW"],
        "hostname": "mail.example",
        "environment": {"MODE": "x"},
    },
}

_WEB = """
services:
  web:
    image: @image
    init: true
    labels: {test.adoption: "@mine"}
"""
_BACK = """
networks:
  default: {labels: {test.adoption: "@mine"}}
"""

PROJECTS: dict[str, str] = {
    "plain": _WEB + _BACK,
    "an app and its database": """
services:
  web:
    image: @image
    init: true
    labels: {test.adoption: "@mine"}
    environment: [MODE=fast, "DB_PASSWORD=pa$$word-1"]
    ports: ["127.0.0.1:@port:8080"]
    depends_on: [db]
    restart: always
  db:
    image: @image
    init: true
    labels: {test.adoption: "@mine"}
    environment: {DB_PASSWORD: "pa$$word-1"}
    volumes: [db:/data]
    restart: always
volumes:
  db: {labels: {test.adoption: "@mine"}}
"""
    + _BACK,
    "Dokploy": _WEB
    + """    networks: [edge]
    restart: unless-stopped
    expose: ["3000"]
networks:
  edge: {name: "dokploy-@mine", labels: {test.adoption: "@mine", com.dokploy.network.name: edge}}
""",
    "Portainer": _WEB.replace("{test", "{io.portainer.accesscontrol.teams: ops, test")
    + "    environment: {TZ: Europe/Berlin}\n"
    + _BACK,
    "a job and what waits for it": _WEB
    + """    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate:
    image: @image
    labels: {test.adoption: "@mine"}
    entrypoint: [/bin/busybox, "true"]
    restart: "no"
"""
    + _BACK,
    "two of a kind": _WEB + "    deploy: {replicas: 2}\n    environment: {A: '1'}\n" + _BACK,
    "a health check": _WEB
    + """    healthcheck: {test: [CMD, /bin/busybox, "true"], interval: 1s, timeout: 2s, retries: 2, start_period: 1s}
    stop_signal: SIGINT
    stop_grace_period: 3s
"""
    + _BACK,
    "hardened": _WEB
    + """    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ["no-new-privileges:true"]
    read_only: true
    tmpfs: ["/tmp:size=8m,mode=1777"]
    sysctls: {net.core.somaxconn: "256"}
    pids_limit: 64
    mem_limit: 64m
    cpus: 0.5
    ulimits: {nofile: {soft: 512, hard: 1024}}
    logging: {driver: json-file, options: {max-size: 1m}}
"""
    + _BACK,
    "a name, aliases and host names": _WEB
    + """    container_name: "@mine-shop"
    hostname: shop.example
    networks: {default: {aliases: [cms]}}
    extra_hosts: ["db:10.1.2.3"]
    dns: [10.9.9.9]
    volumes: ["/etc/hostname:/etc/of-the-host:ro", "/keep"]
"""
    + _BACK,
    "a network of another service": _WEB
    + """  beside:
    image: @image
    labels: {test.adoption: "@mine"}
    init: true
    network_mode: service:web
    entrypoint: [/bin/busybox, sleep, "3600"]
"""
    + _BACK,
}
