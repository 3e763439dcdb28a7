"""What Azure's worker does with the app: Microsoft's own library, asked as the platform asks it.

On Python 3.13 the platform's worker only passes messages on to ``azure-functions-runtime``, which
finds the functions, turns messages into arguments, calls, and turns the results into messages. The
messages themselves are Protocol Buffers that no package holds; the library takes any objects with
the same fields, and makes its own from whatever it is given: here, ``Message``.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from azure_functions_runtime import handle_event

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_OF = {"data": ("json", "string", "bytes", "http"), "rpc_data": ("data",)}
"""Of which fields a message has one, by the name of the choice."""
NUMBERS = {"BindingInfo.undefined": 0, "BindingInfo.out": 1, "BindingInfo.inout": 2}
"""Constants that the library compares with numbers of ``azure.functions``."""


class Message(SimpleNamespace):
    """A message, with its fields."""

    def WhichOneof(self, choice: str) -> str | None:  # noqa: N802 - Protocol Buffers name it so
        """Tell which field of a choice is there."""
        return next((name for name in ONE_OF[choice] if name in vars(self)), None)


@dataclass(frozen=True)
class Kind:
    """A kind of message, which is made by calling it, or one of its constants."""

    name: str

    def __call__(self, **fields: object) -> Message:
        """Make a message."""
        return Message(**fields)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a kind, or a number
        """Give a kind, or a constant, that is declared within this one."""
        inner = f"{self.name}.{name}".lstrip(".")
        return NUMBERS.get(inner, Kind(inner))


PROTOS = Kind("")
SUCCESS = PROTOS.StatusResult.Success
data = PROTOS.TypedData


class Worker:
    """A worker that was started with the app in a folder."""

    def __init__(self, folder: Path) -> None:
        """Start it, and let it find the functions."""
        request = Message(
            worker_init_request=Message(capabilities={}, function_app_directory=str(folder))
        )
        self.started = self._ask(handle_event.worker_init_request, request)
        found = self._ask(handle_event.functions_metadata_request, Message())
        self.functions: dict[str, Message] = {
            one.name: one for one in found.function_metadata_results or ()
        }
        """What the platform is told of each function."""

    def call(self, name: str, argument: Message, metadata: Mapping[str, Message]) -> Message:
        """Have a function called.

        Args:
            name: of the function.
            argument: what its trigger gives it, a ``TypedData``.
            metadata: what is told of the trigger besides.

        Returns:
            The ``InvocationResponse``.
        """
        found = self.functions[name]
        loaded = Message(function_load_request=Message(function_id=found.function_id))
        assert self._ask(handle_event.function_load_request, loaded).result.status == SUCCESS
        (trigger,) = (n for n, binding in found.bindings.items() if "Trigger" in binding.type)
        return self._ask(
            handle_event.invocation_request,
            Message(
                invocation_request=Message(
                    invocation_id="an invocation",
                    function_id=found.function_id,
                    input_data=[Message(name=trigger, data=argument)],
                    trigger_metadata=metadata,
                    trace_context=Message(trace_parent="", trace_state="", attributes={}),
                    retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
                )
            ),
        )

    def fire(self, name: str, *, is_past_due: bool = False) -> Message:
        """Let a timer fire."""
        status = {"Last": "2026-11-22T06:07:00Z", "Next": "2026-11-22T07:07:00Z"}
        told = {"IsPastDue": is_past_due, "ScheduleStatus": status, "Schedule": {}}
        return self.call(name, data(json=json.dumps(told)), {})

    def deliver(self, name: str, text: str) -> Message:
        """Bring a message of a queue."""
        metadata = {"Id": data(string="1"), "DequeueCount": data(string="1")}
        return self.call(name, data(string=text), metadata)

    def visit(self, name: str, url: str, headers: Mapping[str, str] | None = None) -> Message:
        """Get an address."""
        asked = Message(
            method="GET",
            url=url,
            headers=dict(headers or {}),
            params={},
            query=dict(parse_qsl(urlsplit(url).query)),
            body=data(bytes=b""),
        )
        answer = self.call(name, data(http=asked), {})
        assert answer.result.status == SUCCESS
        shown: Message = answer.return_value.http
        return shown

    def _ask(self, handle: Any, request: Message) -> Message:  # noqa: ANN401 - has no types
        properties = {"host": "127.0.0.1", "protos": PROTOS}
        asked = Message(request=request, properties=properties)
        # In a thread of its own: in this one, a browser of another test may have a loop.
        with ThreadPoolExecutor(1) as pool:
            answer: Message = pool.submit(asyncio.run, handle(asked)).result()
        return answer


if __name__ == "__main__":  # what a worker without settings finds, for a test to read
    worker = Worker(Path.cwd())
    status = worker.started.result.status
    told = {name: [*one.raw_bindings] for name, one in worker.functions.items()}
    print(json.dumps({"started": status == SUCCESS, "functions": told}))  # noqa: T201 - its result
