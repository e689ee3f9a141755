"""Images of the Docker Engine, and of registries, accessed through it. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from db.states import ErrorCode
from tasks.credentials import Credentials, auth_config
from tasks.docker.caller import GONE, GONE_OR_GOING, Caller, StreamFailed
from tasks.docker.records import ImageRecord, ListedImage, image_record, listed_image


class Images:
    """The Engine's operations on images."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def inspect(self, reference: str) -> ImageRecord | None:
        """Return an image of the host by id, tag or digest; None when the host lacks it."""
        return self._caller.ask_unless(GONE, "inspect image", lambda api: image_record(api.inspect_image(reference)))

    def describe(self, image_id: str) -> dict[str, Any] | None:
        """Return all that the Engine knows of an image, for tasks.adoption; None when the host lacks it."""
        return self._caller.ask_unless(GONE, "inspect image", lambda api: dict(api.inspect_image(image_id)))

    def list_all(self) -> list[ListedImage]:
        """Return all images of the host, without the intermediate layers."""
        return [listed_image(one) for one in self._caller.ask("list images", lambda api: api.images())]

    def name(self, image_id: str, name: str) -> None:
        """Give an image another name, `repository:tag`."""
        repository, _, tag = name.rpartition(":")
        self._caller.ask("name image", lambda api: api.tag(image_id, repository, tag))

    def remove(self, reference: str) -> None:
        """Remove an image's name, and the image when nothing uses it. One that is gone or in use is fine."""
        self._caller.ask_unless(GONE_OR_GOING, "remove image", lambda api: api.remove_image(reference))

    def load(self, archive: IO[bytes]) -> None:
        """Load the images of an archive as `docker save` writes it. Raises Failure(invalid_source)."""
        self._caller.ask("load image", lambda api: _read_to_the_end(api.load_image(archive)), ErrorCode.INVALID_SOURCE)

    def registry_digest(self, reference: str, credentials: Credentials | None) -> str:
        """Return the digest that a registry has for `repository:tag` or `repository@digest`.

        Raises Failure: reference_not_found, auth_required, invalid_source, source_unavailable, engine_unreachable.
        """

        def ask(api: Any) -> str:
            return str(api.inspect_distribution(reference, auth_config(credentials))["Descriptor"]["digest"])

        return self._caller.ask("resolve", ask, ErrorCode.SOURCE_UNAVAILABLE, registry=True)

    def pull(self, repository: str, digest: str, credentials: Credentials | None, stop: Callable[[], None]) -> None:
        """Pull by digest. `stop` is called at each progress message and may raise.

        Raises Failure as registry_digest does.
        """

        def go(api: Any) -> None:
            auth = auth_config(credentials)
            _read_to_the_end(api.pull(repository, tag=digest, auth_config=auth, stream=True, decode=True), stop)

        self._caller.ask("pull", go, ErrorCode.SOURCE_UNAVAILABLE, registry=True)


def _read_to_the_end(messages: Any, stop: Callable[[], None] = lambda: None) -> None:
    for message in messages:
        stop()
        if "error" in message:
            raise StreamFailed(str(message["error"]))
