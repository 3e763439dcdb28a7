"""The Functions host's queue listener in miniature: brings messages to the function bound to them.

What it does is what the real one does, where that can be noticed (Azure Functions documentation,
*Azure Queue storage trigger*, and *host.json settings*, ``extensions.queues``):

- Messages are base64. One that is not is put into the poison queue at once.
- A message is hidden while a function works on it, and the host's hold on it is renewed; a host
  that dies loses its hold, and the message comes back.
- A function that returns is done with its message. One that raises gets it again after
  ``visibilityTimeout``, ``maxDequeueCount`` times in all; then it goes to the poison queue.
- At most ``batchSize`` and ``newBatchThreshold`` messages together are worked on at once.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        self, function: Function, connection: Mapping[str, str], settings: QueueSettings
    ) -> None:
        """Prepare to listen.

        Args:
            function: one with a queue trigger.
            connection: the environment in which the binding's connection is a connection string.
            settings: how it listens.
        """
        told: dict[str, Any] = function.get_dict_repr()
        (binding,) = (found for found in told["bindings"] if found["type"] == "queueTrigger")
        self._work: Callable[[func.QueueMessage], None] = function.get_user_function()
        self._settings = settings
        string, name = connection[binding["connection"]], binding["queueName"]
        self._queue = QueueClient.from_connection_string(string, name)
        self._poison = QueueClient.from_connection_string(string, f"{name}-poison")

    def listen(self, is_over: threading.Event) -> None:
        """Bring messages to the function until ``is_over``; then finish what was begun."""
        limit = self._settings.batch_size + self._settings.new_batch_threshold
        free = threading.Semaphore(limit)
        with ThreadPoolExecutor(limit) as pool, self._queue, self._poison:
            while not is_over.is_set():
                found = self._receive()
                for message in found:
                    free.acquire()
                    pool.submit(self._handle, message).add_done_callback(lambda _: free.release())
                if not found:
                    is_over.wait(self._settings.polling_interval.total_seconds())

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

    def _handle(self, message: QueueMessage) -> None:
        count = message.dequeue_count or 0
        if count > self._settings.max_dequeue_count:
            self._give_up(message)  # its hosts have died on it
            return
        try:
            body = base64.b64decode(message.content, validate=True)
        except ValueError:
            self._give_up(message)
            return
        try:
            self._work(func.QueueMessage(id=message.id, body=body))
        except Exception:
            LOGGER.exception("a function has failed")
            if count >= self._settings.max_dequeue_count:
                self._give_up(message)
            else:
                self._put_back(message)
            return
        self._remove(message)

    def _give_up(self, message: QueueMessage) -> None:
        try:
            self._poison.send_message(message.content, time_to_live=-1)
        except ResourceNotFoundError:
            self._make_poison_queue()
            self._poison.send_message(message.content, time_to_live=-1)
        self._remove(message)

    def _make_poison_queue(self) -> None:
        try:
            self._poison.create_queue()
        except ResourceExistsError:
            return

    def _put_back(self, message: QueueMessage) -> None:
        hidden = int(self._settings.visibility_timeout.total_seconds())
        try:
            self._queue.update_message(message, visibility_timeout=hidden)
        except HttpResponseError:
            return  # somebody else has it by now

    def _remove(self, message: QueueMessage) -> None:
        try:
            self._queue.delete_message(message)
        except HttpResponseError:
            return  # somebody else has it by now, and is done with it as quickly
