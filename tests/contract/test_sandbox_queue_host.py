"""The queue listener of the sandbox, on Azurite: each promise of the real one that we rely on."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from sandbox.queue_host import HOST, QueueHost, QueueSettings
from tests.storage import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.azurite import Account
    from sandbox.https import Sandbox

    Work = Callable[[func.QueueMessage], None]

QUEUE, POISON = "jobs", "jobs-poison"
CONNECTION = "ROTATION_STORAGE"
SECOND = timedelta(seconds=1)
AT_ONCE = timedelta(0)


class Broken(Exception):  # noqa: N818 - what a function does, not what the host raises
    """A function fails."""


class Yard:
    """The two queues, and hosts that bring what is there to a function."""

    def __init__(self, account: Account, environment: dict[str, str]) -> None:
        """Make the queue; the one of the poison is the host's own business."""
        self._string, self._environment = account.connection_string, environment
        self.queue = QueueClient.from_connection_string(self._string, QUEUE)
        self.poison = QueueClient.from_connection_string(self._string, POISON)
        with suppress(ResourceExistsError):
            self.queue.create_queue()

    def put(self, *texts: str) -> None:
        """Put messages there as the product does."""
        for text in texts:
            self.queue.send_message(base64.b64encode(text.encode()).decode())

    @property
    def count(self) -> int:
        """How many messages there are, hidden ones included."""
        return self.queue.get_queue_properties().approximate_message_count or 0

    @property
    def given_up(self) -> list[str]:
        """The messages in the poison queue as they were put, in order."""
        try:
            return sorted(message.content for message in self.poison.peek_messages(32))
        except ResourceNotFoundError:
            return []

    @contextmanager
    def host(self, work: Work, **spans: timedelta | int) -> Iterator[None]:
        """Let a host listen while a block runs; then it finishes what was begun."""
        app = func.FunctionApp()

        @app.queue_trigger(arg_name="message", queue_name=QUEUE, connection=CONNECTION)
        def job(message: func.QueueMessage) -> None:
            work(message)

        (function,) = app.get_functions()
        few = {"polling_interval": SECOND / 50, "visibility_timeout": AT_ONCE, **spans}
        host = QueueHost(function, self._environment, QueueSettings.read(**few))
        is_over = threading.Event()
        thread = threading.Thread(target=host.listen, args=[is_over])
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


@pytest.fixture(params=["key", "token"])
def yard(request: pytest.FixtureRequest) -> Yard:
    """Give the queues, and hosts that enter the account by its key, or as a managed identity."""
    sandbox: Sandbox = request.getfixturevalue("sandbox")  # gives the identity
    account: Account = request.getfixturevalue(f"{request.param}_account")
    by = account.by_key if request.param == "key" else account.by_token
    return Yard(account, sandbox.environment | by)


@pytest.fixture
def key_yard(key_account: Account) -> Yard:
    """Give the queues, where it makes no difference how they are entered."""
    return Yard(key_account, key_account.by_key)


def test_a_message_is_brought_as_a_function_expects_it_and_removed(yard: Yard) -> None:
    """The body is what was in the base64; a function that returns is done with it."""
    seen: list[func.QueueMessage] = []
    yard.put("grüße")
    (there,) = yard.queue.peek_messages()

    with yard.host(seen.append):
        until(lambda: not yard.count)

    (message,) = seen
    assert isinstance(message, func.QueueMessage)
    assert message.get_body() == "grüße".encode()
    assert (message.id, message.dequeue_count) == (there.id, 1)
    assert yard.given_up == []


def test_what_is_no_base64_is_given_up_at_once(yard: Yard) -> None:
    """The function is never bothered with it, and the others are done."""
    seen: list[func.QueueMessage] = []
    yard.queue.send_message("no base64!")
    yard.put("good")

    with yard.host(seen.append):
        until(lambda: not yard.count)

    assert [message.get_body() for message in seen] == [b"good"]
    assert yard.given_up == ["no base64!"]


def test_what_fails_again_and_again_is_given_up(key_yard: Yard) -> None:
    """After ``maxDequeueCount`` times, as it was put; both bad messages, one poison queue."""
    tries: Counter[bytes] = Counter()

    def fail(message: func.QueueMessage) -> None:
        tries[message.get_body()] += 1
        raise Broken

    key_yard.put("bad", "worse")
    with key_yard.host(fail, max_dequeue_count=3):
        until(lambda: not key_yard.count)

    assert tries == {b"bad": 3, b"worse": 3}
    assert list(map(base64.b64decode, key_yard.given_up)) == [b"bad", b"worse"]


def test_what_fails_stays_hidden_for_a_while_and_comes_again(key_yard: Yard) -> None:
    """For ``visibilityTimeout``: nobody sees it meanwhile."""
    counts: list[int | None] = []
    has_failed = threading.Event()

    def fail_once(message: func.QueueMessage) -> None:
        counts.append(message.dequeue_count)
        if len(counts) == 1:
            has_failed.set()
            raise Broken

    key_yard.put("unlucky")
    with key_yard.host(fail_once, visibility_timeout=SECOND):
        assert has_failed.wait(DEADLINE_SECONDS)
        assert key_yard.queue.peek_messages() == []
        assert key_yard.count == 1
        until(lambda: not key_yard.count)

    assert counts == [1, 2]
    assert key_yard.given_up == []


def test_the_message_of_a_dead_host_comes_back(key_yard: Yard) -> None:
    """When its hold has ended; it counts as tried."""
    key_yard.put("orphan")
    next(iter(key_yard.queue.receive_messages(visibility_timeout=1)))  # and nobody renews it
    counts: list[int | None] = []

    with key_yard.host(lambda message: counts.append(message.dequeue_count)):
        until(lambda: not key_yard.count)

    assert counts == [2]


def test_a_message_on_which_its_hosts_die_is_given_up(key_yard: Yard) -> None:
    """Before the function sees it once more than it may."""
    key_yard.put("deadly")
    next(iter(key_yard.queue.receive_messages(visibility_timeout=1)))
    seen: list[func.QueueMessage] = []

    with key_yard.host(seen.append, max_dequeue_count=1):
        until(lambda: not key_yard.count)

    assert seen == []
    assert list(map(base64.b64decode, key_yard.given_up)) == [b"deadly"]


def test_a_living_host_keeps_its_message_however_long_it_takes(key_yard: Yard) -> None:
    """The hold of two seconds is renewed while a function takes longer; another gets nothing."""
    seen: list[func.QueueMessage] = []
    enough = threading.Event()

    def dawdle(message: func.QueueMessage) -> None:
        seen.append(message)
        enough.wait(3.5)

    key_yard.put("long")
    with key_yard.host(dawdle, lease=2 * SECOND), key_yard.host(dawdle, lease=2 * SECOND):
        until(lambda: not key_yard.count)

    assert len(seen) == 1


def test_so_many_are_worked_on_at_once_and_no_more(key_yard: Yard) -> None:
    """A batch is taken while ``newBatchThreshold`` are still worked on: so many together."""
    guard, leave = threading.Lock(), threading.Semaphore(0)
    now, most = 0, 0

    def stay(_: func.QueueMessage) -> None:
        nonlocal now, most
        with guard:
            now += 1
            most = max(most, now)
        assert leave.acquire(timeout=DEADLINE_SECONDS)
        with guard:
            now -= 1

    key_yard.put(*map(str, range(9)))
    with key_yard.host(stay, batch_size=2, new_batch_threshold=1):
        until(lambda: now == 2)
        leave.release()
        until(lambda: now == 3)
        leave.release(8)
        until(lambda: not key_yard.count)

    assert most == 3


def test_the_end_of_a_host_leaves_nothing_half_done(key_yard: Yard) -> None:
    """What was begun is finished and removed; the rest waits for another host, not hidden."""
    begun, released = threading.Event(), threading.Event()
    done: list[bytes] = []

    def work(message: func.QueueMessage) -> None:
        begun.set()
        released.wait(DEADLINE_SECONDS)
        done.append(message.get_body())

    key_yard.put("first", "second")
    with key_yard.host(work, batch_size=1, new_batch_threshold=0):
        assert begun.wait(DEADLINE_SECONDS)
        threading.Timer(0.2, released.set).start()

    assert done == [b"first"]
    (left,) = key_yard.queue.peek_messages(32)
    assert base64.b64decode(left.content) == b"second"


def test_a_host_waits_for_a_queue_that_is_not_there_yet(key_yard: Yard) -> None:
    """Whoever puts the first message there makes it."""
    key_yard.queue.delete_queue()
    seen: list[func.QueueMessage] = []

    with key_yard.host(seen.append):
        until(lambda: _is_made(key_yard))
        key_yard.put("first")
        until(lambda: seen)


def _is_made(yard: Yard) -> bool:
    try:
        yard.queue.create_queue()
    except ResourceExistsError:  # which is being deleted
        return False
    return True


def test_a_host_outlives_a_storage_that_does_not_answer(
    key_account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """It asks again, and says so without the key."""
    port = key_account.queue_url.split(":")[2].split("/")[0]
    away = key_account.connection_string.replace(f":{port}/", ":1/")

    with Yard(key_account, {CONNECTION: away}).host(lambda _: None):
        until(lambda: "the queue cannot be read: ServiceRequestError" in caplog.text)


def test_the_settings_are_those_of_the_host() -> None:
    """``host.json`` says them, but for what is built into the real host."""
    told = json.loads(HOST.read_text())["extensions"]["queues"]

    found = QueueSettings.read()

    assert (found.batch_size, found.new_batch_threshold) == (
        told["batchSize"],
        told["newBatchThreshold"],
    )
    assert found.max_dequeue_count == told["maxDequeueCount"]
    assert str(found.visibility_timeout).zfill(8) == told["visibilityTimeout"]
    assert found.lease == timedelta(minutes=10)
    assert QueueSettings.read(lease=SECOND).lease == SECOND
