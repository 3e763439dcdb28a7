"""The Functions host's queue listener in miniature: brings messages to the function bound to them.

What it does is what the real one does, where that can be noticed (Azure Functions documentation,
*Azure Queue storage trigger*, and *host.json settings*, ``extensions.queues``):

- Messages are base64. One that is not is put into the poison queue at once.
- A message is hidden while a function works on it, and the host's hold on it is renewed; a host
  that dies loses its hold, and the message comes back.
- A function that returns is done with its message. One that raises gets it again after
  ``visibilityTimeout``, ``maxDequeueCount`` times in all; then it goes to the poison queue.
- The next batch is taken when no more than ``newBatchThreshold`` messages are worked on: so at
  most that many and ``batchSize`` together are worked on at once.
- A queue that is missing or cannot be reached is asked again later.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.functions.queue import QueueMessage as BoundMessage
from azure.identity import ManagedIdentityCredential
from azure.storage.queue import QueueClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

    import azure.functions as func
    from azure.functions.decorators.function_app import Function
    from azure.storage.queue import QueueMessage

LOGGER = logging.getLogger("sandbox.functions")
HOST = Path(__file__).parents[1] / "host.json"


@dataclass(frozen=True)
class QueueSettings:
    """What ``host.json`` says of queues, and what the real host has built in."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_timeout: timedelta
    """How long a message that failed stays hidden."""
    lease: timedelta = timedelta(minutes=10)
    """How long a message stays hidden after its host has died."""
    polling_interval: timedelta = timedelta(milliseconds=100)

    @classmethod
    def read(cls, **others: Any) -> QueueSettings:  # noqa: ANN401 - fields of this class
        """Read them from ``host.json``; ``others`` are set instead."""
        told = json.loads(HOST.read_text())["extensions"]["queues"]
        hours, minutes, seconds = map(int, told["visibilityTimeout"].split(":"))
        return cls(
            **{
                "batch_size": told["batchSize"],
                "new_batch_threshold": told["newBatchThreshold"],
                "max_dequeue_count": told["maxDequeueCount"],
                "visibility_timeout": timedelta(hours=hours, minutes=minutes, seconds=seconds),
                **others,
            }
        )


class QueueHost:
    """Listens to the queue that one function is bound to."""

    def __init__(
        self, function: Function, environment: Mapping[str, str], settings: QueueSettings
    ) -> None:
        """Prepare to listen.

        Args:
            function: one with a queue trigger.
            environment: where the binding's connection is a connection string, or the address of
                the queue service that a managed identity enters (Azure Functions documentation,
                *Connections*).
            settings: how it listens.
        """
        told: dict[str, Any] = function.get_dict_repr()
        (binding,) = (found for found in told["bindings"] if found["type"] == "queueTrigger")
        self._work: Callable[[func.QueueMessage], None] = function.get_user_function()
        self._settings = settings
        self._ends = ExitStack()
        open_queue = self._entrance(environment, binding["connection"])
        self._queue = self._ends.enter_context(open_queue(binding["queueName"]))
        self._poison = self._ends.enter_context(open_queue(f"{binding['queueName']}-poison"))

    def _entrance(
        self, environment: Mapping[str, str], connection: str
    ) -> Callable[[str], QueueClient]:
        """Give what opens a queue by its name; it asks once, since the host itself asks again."""
        if string := environment.get(connection):
            return lambda name: QueueClient.from_connection_string(string, name, retry_total=0)
        url = environment[f"{connection}__queueServiceUri"]
        client_id = environment.get(f"{connection}__clientId", environment.get("AZURE_CLIENT_ID"))
        identity = self._ends.enter_context(ManagedIdentityCredential(client_id=client_id))
        return lambda name: QueueClient(url, name, credential=identity, retry_total=0)

    def listen(self, is_over: threading.Event) -> None:
        """Bring messages to the function until ``is_over``; then finish what was begun."""
        threshold, pause = self._settings.new_batch_threshold, self._settings.polling_interval
        with self._ends, ThreadPoolExecutor(self._settings.batch_size + threshold) as pool:
            begun: set[Future[None]] = set()
            while not is_over.is_set():
                begun = {future for future in begun if not future.done()}
                if len(begun) > threshold:
                    wait(begun, pause.total_seconds(), FIRST_COMPLETED)
                elif found := self._receive():
                    begun |= {pool.submit(self._handle, message) for message in found}
                else:
                    is_over.wait(pause.total_seconds())

    def _receive(self) -> list[QueueMessage]:
        lease = int(self._settings.lease.total_seconds())
        size = self._settings.batch_size
        try:
            pages = self._queue.receive_messages(
                messages_per_page=size, max_messages=size, visibility_timeout=lease
            )
            return list(pages)
        except ResourceNotFoundError:
            return []  # nobody has put anything there yet
        except AzureError as exc:
            LOGGER.warning("the queue cannot be read: %s", type(exc).__name__)
            return []

    def _handle(self, message: QueueMessage) -> None:
        try:
            self._bring(message)
        except AzureError as exc:
            # The message comes back when the hold on it has ended.
            LOGGER.warning("a message is neither removed nor given up: %s", type(exc).__name__)

    def _bring(self, message: QueueMessage) -> None:
        count = message.dequeue_count or 0
        if count > self._settings.max_dequeue_count:
            self._give_up(message)  # its hosts have died on it
            return
        try:
            body = base64.b64decode(message.content, validate=True)
        except ValueError:
            self._give_up(message)
            return
        with _Hold(self._queue, message, self._settings.lease) as hold:
            is_done = self._is_done(message, body)
        if is_done:
            self._remove(hold.message)
        elif count >= self._settings.max_dequeue_count:
            self._give_up(hold.message)
        else:
            self._put_back(hold.message)

    def _is_done(self, message: QueueMessage, body: bytes) -> bool:
        """Call the function; tell whether it returned."""
        bound = BoundMessage(  # type: ignore[no-untyped-call] # as the worker of the host makes it
            id=message.id,
            body=body,
            dequeue_count=message.dequeue_count,
            expiration_time=message.expires_on,
            insertion_time=message.inserted_on,
            time_next_visible=message.next_visible_on,
            pop_receipt=message.pop_receipt,
        )
        try:
            self._work(bound)
        except Exception:
            LOGGER.exception("a function has failed")
            return False
        return True

    def _give_up(self, message: QueueMessage) -> None:
        try:
            self._poison.send_message(message.content, time_to_live=-1)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # somebody else was faster
                self._poison.create_queue()
            self._poison.send_message(message.content, time_to_live=-1)
        self._remove(message)

    def _put_back(self, message: QueueMessage) -> None:
        hidden = int(self._settings.visibility_timeout.total_seconds())
        with suppress(HttpResponseError):  # somebody else has it by now
            self._queue.update_message(message, visibility_timeout=hidden)

    def _remove(self, message: QueueMessage) -> None:
        with suppress(HttpResponseError):  # somebody else has it by now, and is done as quickly
            self._queue.delete_message(message)


class _Hold:
    """Keeps a message hidden inside a ``with`` block, for as long as this process lives."""

    def __init__(self, queue: QueueClient, message: QueueMessage, lease: timedelta) -> None:
        self.message = message
        """With the receipt of the last renewal."""
        self._queue = queue
        self._lease = lease
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def _renew(self) -> None:
        while not self._is_over.wait(self._lease.total_seconds() / 2):
            try:
                self.message = self._queue.update_message(
                    self.message, visibility_timeout=int(self._lease.total_seconds())
                )
            except AzureError as exc:
                LOGGER.warning("the hold on a message is not renewed: %s", type(exc).__name__)
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
