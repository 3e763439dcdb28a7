"""``python -m sandbox``: a small world to try the product in.

Results go to stdout, so that a shell can take the environment from there; the rest to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.clock import ShiftedClock
from sandbox.furniture import furnish
from sandbox.intervention import VERBS
from sandbox.launch import ControlError, ask, launch, read_offset, serve_functions, work_the_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONTROL = "SANDBOX_CONTROL"
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the sandbox.

    Returns:
        The exit code: 0 fine, 1 something failed, 2 usage, 130 interrupted.
    """
    asked = _parser().parse_args(arguments)
    commands: dict[str | None, Callable[[], int]] = {
        None: _serve,
        "serve": _serve,
        "do": lambda: _do(asked.words),
        "rotation": lambda: _rotation(asked.arguments, asked.offset),
        "functions": lambda: _functions(asked.offset),
        "worker": lambda: _worker(asked.offset, asked.lease, asked.retry),
    }
    try:
        return commands[asked.command]()
    except ControlError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED  # before anything had begun that has to be ended tidily
    except BrokenPipeError:
        # Whoever read this has seen enough; Python would complain again as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _serve() -> int:
    """Keep a furnished world running until it is interrupted."""
    from sandbox.https import Sandbox

    # A service manager, or `kill`, ends it as tidily as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), Sandbox(furnish(ShiftedClock())) as sandbox:
        for name, value in sandbox.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        print(GREETING.replace("PYTHON", _python()), file=sys.stderr)
        threading.Event().wait()
    return 0


def _do(words: Sequence[str]) -> int:
    """Let a running sandbox do something, or tell its state or its time."""
    match words:
        case ["state" | "time" as what]:
            print(json.dumps(ask(_control(), f"/{what}"), indent=2), flush=True)
        case _:
            print(ask(_control(), "/do", {"words": list(words)})["done"])
    return 0


def _rotation(arguments: Sequence[str], offset: float | None) -> int:
    """Run the product's command line by the sandbox's time."""
    if offset is None:
        return launch(arguments, read_offset(_control()))
    return launch(arguments, timedelta(seconds=offset))


def _functions(offset: float | None) -> int:
    """Serve the product's pages by the sandbox's time, until this is interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    span = None if offset is None else timedelta(seconds=offset)

    def tell(url: str) -> None:
        print(url, flush=True)
        if sys.stderr.isatty():  # a program that serves them knows
            print(SERVED, file=sys.stderr)

    with contextlib.suppress(KeyboardInterrupt):
        serve_functions(_control(), span, tell)
    return 0


def _worker(offset: float | None, lease: float, retry: float | None) -> int:
    """Do what is on the request queue by the sandbox's time, until this is interrupted."""
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    signal.signal(signal.SIGINT, lambda *_: is_over.set())
    span = None if offset is None else timedelta(seconds=offset)
    print("working", flush=True)
    settings = {"lease": timedelta(seconds=lease)}
    if retry is not None:
        settings["visibility_timeout"] = timedelta(seconds=retry)
    work_the_queue(_control(), span, is_over, **settings)
    return 0


def _control() -> str:
    try:
        return os.environ[CONTROL]
    except KeyError:
        message = f"{CONTROL} is not set; take the settings that `python -m sandbox` prints"
        raise ControlError(message) from None


def _python() -> str:
    """Give the program that runs this, as one would type it here."""
    here, program = Path.cwd(), Path(sys.executable)
    return shlex.quote(str(program.relative_to(here) if here in program.parents else program))


GREETING = """\
The sandbox is running. In another shell, paste the lines that begin with "export", then:
  PYTHON -m sandbox rotation status     the product's commands, by the sandbox's time
  PYTHON -m sandbox functions           the status page: /, and that of a sign-in: /sign-in
  PYTHON -m sandbox do recall OWNER     what an owner signs in with there
  PYTHON -m sandbox do advance 2d       let time pass; `do --help` tells what else can be done
docs/quickstart.md goes on from here. Ctrl-C ends it, and forgets all that was in it."""


SERVED = """\
Open it in a browser: / is the status page, /sign-in that of a sign-in. The browser does not know
the certificate, which was made for this sandbox; go on all the same. Ctrl-C ends it."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Azure DevOps, Entra and Key Vault in miniature, on this machine.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="keep a small world running (what happens without a command)")
    verbs = "\n".join(
        f"  {f'{name} {verb.usage}':40}{verb.summary}" for name, verb in VERBS.items()
    )
    do = commands.add_parser(
        "do",
        help="turn the screws of a running world",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"words:\n{verbs}\n  {'state':40}tell what is there\n  {'time':40}tell the time",
    )
    do.add_argument("words", nargs="+", metavar="WORD")
    rotation = commands.add_parser("rotation", help="run the product by the sandbox's time")
    rotation.add_argument("--offset", type=float, metavar="SECONDS", help="instead of asking it")
    rotation.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…")
    functions = commands.add_parser("functions", help="serve the product's pages: / and /sign-in")
    functions.add_argument("--offset", type=float, metavar="SECONDS", help="instead of asking it")
    worker = commands.add_parser("worker", help="do what is on the queue in ROTATION_STORAGE")
    worker.add_argument("--offset", type=float, metavar="SECONDS", help="instead of asking it")
    worker.add_argument(
        "--lease",
        type=float,
        default=600,
        metavar="SECONDS",
        help="how long a message stays hidden once a worker has died (default: 600)",
    )
    worker.add_argument(
        "--retry",
        type=float,
        metavar="SECONDS",
        help="how long a message stays hidden once it failed (default: as host.json says)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
