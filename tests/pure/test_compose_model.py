"""What is kept of a rendered file, since when a service is what it is, and what is handed back to Docker Compose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.compose import model

KEY = b"key"
IDS = {name: {"repository": "r/x", "digest": "sha256:d", "image_id": f"sha256:{name}"} for name in ("web", "db")}


def file(**services: Any) -> dict[str, Any]:
    return {"name": "p", "services": services}


def test_marks_become_variables_again_and_a_dollar_stays_a_dollar() -> None:
    marked = model.marks(["TOKEN", "TOKEN_2"])
    assert len(set(marked.values())) == 2
    rendered = file(web={"environment": {"A": f"x-{marked['TOKEN']}$$y", "B": marked["TOKEN_2"]}, "command": None})
    kept = model.unmarked(json.dumps(rendered | {"x-note": marked["TOKEN"]}).encode(), marked)
    assert kept == file(web={"environment": {"A": "x-${TOKEN}$$y", "B": "${TOKEN_2}"}})


def test_nobody_waits_for_a_service_that_is_not_there() -> None:
    """As Docker Compose renders `required: false` for one whose profile was not chosen; its own `up` refuses that."""
    started = {"condition": "service_started", "required": True}
    rendered = file(
        web={"image": "a", "depends_on": {"db": started, "debug": started | {"required": False}}},
        db={"image": "a", "depends_on": {"debug": started | {"required": False}}},
    )
    kept = model.unmarked(json.dumps(rendered).encode(), {})
    assert kept == file(web={"image": "a", "depends_on": {"db": started}}, db={"image": "a"})


def test_what_would_have_to_be_written_into_a_read_only_service_is_found() -> None:
    whole = file(
        fine={"read_only": True, "configs": [], "tmpfs": ["/run"]},
        web={"read_only": True, "configs": [{"source": "c", "target": "/c"}]},
        db={"read_only": True, "secrets": [{"source": "s"}]},
        job={"configs": [{"source": "c"}]},
    )
    assert model.unwritable(whole) == ["web.read_only", "db.read_only"]


@pytest.mark.parametrize("rendered", [b"", b"[]", b'{"name": "p"}', b"\xff"])
def test_what_is_no_rendered_file_is_refused(rendered: bytes) -> None:
    with pytest.raises(ValueError):
        model.unmarked(rendered, {})


def test_the_stored_file_names_digests_and_the_one_that_runs_image_ids_and_labels() -> None:
    stored = model.pinned(file(web={"image": "r/x:1"}, db={"build": {"context": "."}}), IDS | {"db": _built()})
    assert stored["services"]["web"]["image"] == "r/x@sha256:d"
    assert stored["services"]["db"] == {"image": "sha256:built"}
    shared = {"backstay.workload": "shop"}
    whole = stored | {"volumes": {"data": {"name": "p_data"}, "old": {"external": True}}, "networks": {"default": None}}
    given = json.loads(model.effective(whole, IDS, lambda name: {"backstay.service": name}, shared, {}))
    assert given["services"]["web"] == {
        "image": "sha256:web",
        "pull_policy": "never",
        "labels": {"backstay.service": "web"},
    }
    assert given["volumes"] == {"data": {"name": "p_data", "labels": shared}, "old": {"external": True}}
    assert given["networks"] == {"default": {"labels": shared}}


def test_the_image_of_the_host_is_for_services_that_all_say_so() -> None:
    both = {"image": "r/both:1"}
    whole = file(
        a={"image": "r/a:1", "pull_policy": "missing"},
        b=both | {"pull_policy": "if_not_present"},
        c=both | {"pull_policy": "never"},
        d={"image": "r/d:1", "pull_policy": "missing"},
        e={"image": "r/d:1"},
        f={"image": "r/f:1", "pull_policy": "always"},
        g={"build": {}, "image": "r/g:1", "pull_policy": "missing"},
    )
    assert model.from_host(whole) == {"r/a:1", "r/both:1"}


def test_where_nothing_can_be_built_the_image_that_a_service_names_is_taken() -> None:
    recipe = {"context": "/nowhere"}
    whole = file(
        web={"image": "r/web:1", "build": recipe, "pull_policy": "missing"},
        job={"build": recipe},
        own={"image": "r/own:1", "build": recipe, "pull_policy": "build"},
        db={"image": "r/db:1"},
    )
    taken, names = model.images_for_builds(whole)
    assert names == ["web"]
    assert taken == file(**whole["services"] | {"web": {"image": "r/web:1", "pull_policy": "missing"}})
    assert list(model.builds(taken)) == ["job", "own"]


def test_a_pull_policy_changes_nothing_that_is_stored() -> None:
    plain, kept = {"image": "r/x:1"}, {"image": "r/x:1", "pull_policy": "missing"}
    assert model.pinned(file(web=kept), IDS) == model.pinned(file(web=plain), IDS)


def _built() -> dict[str, Any]:
    return {"repository": None, "digest": None, "image_id": "sha256:built"}


def test_a_label_of_the_file_cannot_take_the_place_of_ours() -> None:
    given = model.effective(
        file(web={"image": "x", "labels": {"backstay.workload": "evil", "a": "b"}}),
        IDS,
        lambda name: {"backstay.workload": "shop"},
        {},
        {},
    )
    assert json.loads(given)["services"]["web"]["labels"] == {"backstay.workload": "shop", "a": "b"}


def test_a_config_is_never_empty_whatever_the_values_of_today() -> None:
    """Docker Compose 5 mounts the directory of the project for one that is."""
    configs = {
        "given": {"content": "x"},
        "empty": {"content": ""},
        "left_out": {"name": "p_left_out"},
        "of_a_secret": {"content": "${TOKEN}${TOKEN}"},
        "of_two": {"content": "${TOKEN}:"},
        "dollar": {"content": "$$"},
        "variable": {"environment": "TOKEN"},
    }
    whole = file(web={"image": "x"}) | {"configs": configs}
    for value, line in (("", "\n"), ("t", "${TOKEN}${TOKEN}")):
        given = json.loads(model.effective(whole, IDS, lambda name: {}, {}, {"TOKEN": value}))["configs"]
        assert given == configs | {
            "empty": {"content": "\n"},
            "left_out": {"name": "p_left_out", "content": "\n"},
            "of_a_secret": {"content": line},
        }


WEB = {"image": "r/x@sha256:d", "environment": {"A": "${TOKEN}"}, "configs": [{"source": "c"}]}
WHOLE = file(web=WEB, db={"image": "r/db@sha256:d"}) | {"configs": {"c": {"content": "one"}}}


@pytest.mark.parametrize(
    ("changed", "values", "since"),
    [
        (WHOLE, {"TOKEN": "t"}, {"web": 1, "db": 1}),
        (WHOLE, {"TOKEN": "another day's"}, {"web": 2, "db": 1}),
        (WHOLE | {"configs": {"c": {"content": "two"}}}, {"TOKEN": "t"}, {"web": 2, "db": 1}),
        (file(web=WEB | {"image": "r/x@sha256:e"}, db={"image": "r/db@sha256:d"}), {"TOKEN": "t"}, {"web": 2, "db": 1}),
        (WHOLE | file(web=WEB | {"scale": 3}, db={"image": "r/db@sha256:d"}), {"TOKEN": "t"}, {"web": 1, "db": 1}),
        (WHOLE | file(web=WEB), {"TOKEN": "t"}, {"web": 1}),
        (WHOLE | file(web=WEB, job={"image": "j"}), {"TOKEN": "t"}, {"web": 1, "job": 2}),
    ],
)
def test_a_service_is_new_when_anything_that_it_is_made_of_is(
    changed: dict[str, Any], values: dict[str, str], since: dict[str, int]
) -> None:
    before = model.runs(WHOLE, 1, {"TOKEN": "t"}, KEY, None)
    after = model.runs(changed, 2, values, KEY, before)
    assert {name: one["since"] for name, one in after.items()} == since


def test_a_secret_that_is_a_file_counts_with_its_value() -> None:
    whole = file(web={"image": "x", "secrets": [{"source": "s"}]}) | {"secrets": {"s": {"environment": "TOKEN"}}}
    first = model.runs(whole, 1, {"TOKEN": "a"}, KEY, None)
    assert model.runs(whole, 2, {"TOKEN": "a"}, KEY, first)["web"]["since"] == 1
    assert model.runs(whole, 2, {"TOKEN": "b"}, KEY, first)["web"]["since"] == 2


def test_a_fingerprint_is_of_no_use_without_the_key() -> None:
    first, other = (model.runs(WHOLE, 1, {"TOKEN": "t"}, key, None)["web"]["made_of"] for key in (b"a", b"b"))
    assert first != other


def test_what_runs_once_and_how_many_there_are() -> None:
    whole = file(
        web={"scale": 2, "depends_on": {"job": {"condition": "service_completed_successfully"}}},
        job={"restart": "on-failure"},
        task={"restart": "no"},
        swarm_task={"deploy": {"restart_policy": {"condition": "none"}}},
        tries={"restart": "on-failure:3"},
        swarm_tries={"deploy": {"restart_policy": {"condition": "on-failure"}}},
        stays={"restart": "unless-stopped", "deploy": {"restart_policy": {"condition": "none"}}},
        db={"deploy": {"replicas": 3}},
        off={"scale": 0},
    )
    found = model.runs(whole, 1, {}, KEY, None)
    assert {name: (one["count"], one["once"]) for name, one in found.items()} == {
        "web": (2, False),
        "job": (1, True),
        "task": (1, True),
        "swarm_task": (1, True),
        "tries": (1, False),
        "swarm_tries": (1, False),
        "stays": (1, False),
        "db": (3, False),
        "off": (0, False),
    }
    assert {name for name, one in found.items() if one.get("may_end")} == {"job", "tries", "swarm_tries"}
    assert {name for name, one in found.items() if one.get("unsaid")} == {"web", "db", "off"}


def test_what_takes_its_content_from_a_variable_that_there_is_not_is_found() -> None:
    whole = file(web={"image": "x"}) | {
        "secrets": {"s": {"environment": "TOKEN"}, "t": {"environment": "NO"}},
        "configs": {"c": {"environment": "NO"}, "d": {"content": "x"}},
    }
    assert model.unfilled(whole, ["TOKEN"]) == ["configs.c.environment", "secrets.t.environment"]


def test_published_ports_are_those_with_a_number_of_their_own() -> None:
    ports = [
        {"target": 80, "published": "8000", "host_ip": "127.0.0.1"},
        {"target": 81, "published": "8001"},
        {"target": 82},
        {"target": 53, "published": "53", "protocol": "udp"},
        {"target": 90, "published": "9000-9010"},
    ]
    assert model.published(file(web={"ports": ports})) == [("127.0.0.1", 8000), ("0.0.0.0", 8001)]
