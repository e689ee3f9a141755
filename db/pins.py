"""The images behind a pin: one (an image, a build) or several (the services of a compose file). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from db.releases import ComposePin, ContainerPin, Pin, ServiceRun, StaticPin


class PinnedImage(NamedTuple):
    """One image of a pin. Without `digest` it is in no registry; without `image_id` it has not been on a host yet."""

    image_id: str | None
    repository: str | None
    digest: str | None


def image_id(pin: Pin | None) -> str | None:
    """Return the image that a release of one container runs; None for several, or as long as it is not on the host."""
    return cast("ContainerPin", pin).get("image_id") if pin else None


def of_compose(pin: Pin | None) -> ComposePin | None:
    """Return the pin if it is one of a compose file."""
    return cast("ComposePin", pin) if pin and "services" in pin else None


def content(pin: Pin | None) -> str | None:
    """Return the hash of the files of a static site."""
    return cast("StaticPin", pin).get("content") if pin else None


def runs(pin: Pin | None) -> dict[str, ServiceRun]:
    """Return how the services of a pin run; none before it is prepared."""
    return cast("ComposePin", pin).get("runs") or {} if pin else {}


def not_carried(pin: Pin | None) -> list[str]:
    """Return the settings of adopted containers that their release does not have."""
    return list(pin.get("not_carried", [])) if pin else []


def as_own(pin: Pin | None) -> Pin | None:
    """Return the pin of an adopted version for containers that Backstay makes: they have what the release has."""
    return cast("Pin", {key: value for key, value in pin.items() if key != "not_carried"}) if pin else None


def since(pin: Pin | None, service: str) -> int | None:
    """Return the version since which a service has not changed; None when the pin does not record that per service."""
    found = runs(pin).get(service)
    return found["since"] if found else None


def is_of(pin: Pin | None, live: int, service: str, version: int) -> bool:
    """Return whether a container with these labels belongs to the live version, whose pin this is."""
    if pin and "runs" in pin:
        return since(pin, service) == version
    return version == live


def services_of(pin: Any) -> dict[str, str]:
    """Return image id -> the first service that runs it, empty where a pin has no services. Unknown ids are omitted."""
    services = (pin.get("services") if isinstance(pin, dict) else None) or {"": pin}
    found: dict[str, str] = {}
    for name, part in sorted(services.items()):
        for image in images(part):
            if image.image_id is not None:
                found.setdefault(image.image_id, name)
    return found


def images(pin: Any) -> Iterator[PinnedImage]:
    """Yield every image that a pin names, however deep."""
    if isinstance(pin, dict):
        if "image_id" in pin:
            yield PinnedImage(pin["image_id"], pin.get("repository"), pin.get("digest"))
        for value in _parts(pin):
            yield from images(value)
    elif isinstance(pin, list):
        for value in pin:
            yield from images(value)


def commits(pin: Any) -> Iterator[tuple[str, str]]:
    """Yield every (address, commit) that a pin names, however deep."""
    if isinstance(pin, dict):
        if pin.get("url") and pin.get("commit"):
            yield str(pin["url"]), str(pin["commit"])
        for value in _parts(pin):
            yield from commits(value)
    elif isinstance(pin, list):
        for value in pin:
            yield from commits(value)


def built(pin: Any) -> dict[str, PinnedImage]:
    """Return service (empty where a pin has none) -> image, for each that can be rebuilt from the pin."""
    if not isinstance(pin, dict) or not (pin.get("content") or (pin.get("url") and pin.get("commit"))):
        return {}
    parts = {name: part for name, part in (pin.get("services") or {}).items() if part.get("build")}
    parts |= {"": pin} if "image_id" in pin else {}
    return {name: image for name, part in parts.items() for image in images(part)}


def _parts(pin: dict[str, Any]) -> Iterator[Any]:
    # A recipe contains names chosen by users.
    return (value for key, value in pin.items() if key != "build")
