"""The nouns: above all, that a token value shows itself nowhere."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback
from dataclasses import FrozenInstanceError, asdict, astuple, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from rotation.model import Created, SecretName, TokenValue
from tests.unit.given import ACCOUNT, NAME, SETTLED, TOKEN, Given

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "h7mzq2x4-this-is-a-token-value-nobody-may-see"
VALUE = TokenValue(SECRET)
CREATED = Created(TOKEN, VALUE)
SNAPSHOT = SETTLED.kept(value=VALUE).snapshot


class LeakyError(Exception):
    """An error that somebody gave a value to."""


def logged(*args: Any, **kwargs: Any) -> str:  # noqa: ANN401 - as logging has it
    """Log through a handler of its own, and give what was written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger(__name__)
    logger.addHandler(handler)
    logger.warning(*args, **kwargs)
    logger.removeHandler(handler)
    return stream.getvalue()


def fail(value: TokenValue, *others: object) -> None:
    """Fail with a value, and things that hold it, among the local variables."""
    held = {"value": value, "in a list": [value], "others": others}
    raise LeakyError(value, held)


def failure() -> BaseException:
    """Give an error with a traceback."""
    try:
        fail(VALUE, SNAPSHOT, CREATED)
    except LeakyError as exc:
        return exc
    raise AssertionError


def traceback_with_locals() -> str:
    """Format a traceback as the standard library does, with all local variables."""
    exc = failure()
    shown = traceback.TracebackException(type(exc), exc, exc.__traceback__, capture_locals=True)
    return "".join(shown.format())


def rich_traceback_with_locals() -> str:
    """Draw a traceback as rich does, with all local variables."""
    exc = failure()
    drawn = Traceback.from_exception(type(exc), exc, exc.__traceback__, show_locals=True)
    console = Console(file=io.StringIO(), width=200)
    console.print(drawn)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


SHOWN: dict[str, Callable[[], str]] = {
    "str": lambda: str(VALUE),
    "repr": lambda: repr(VALUE),
    "an f-string": lambda: f"{VALUE} {VALUE!r} {VALUE!s}",
    "format": lambda: "{0} {0!r}".format(VALUE),  # noqa: UP032 - the old way, too
    "percent": lambda: "%s %r" % (VALUE, VALUE),  # noqa: UP031 - the oldest way, too
    "print": lambda: print_to_text(VALUE, [VALUE], {"value": VALUE}),
    "json with a fallback": lambda: json.dumps({"value": VALUE}, default=str),
    "a log line": lambda: logged("it is %s", VALUE),
    "a log line with an exception": lambda: logged("no", exc_info=failure()),
    "an error": lambda: f"{LeakyError(VALUE)} {LeakyError(VALUE)!r}",
    "a dataclass that holds it": lambda: f"{CREATED} {SNAPSHOT}",
    "a traceback with local variables": traceback_with_locals,
    "the same, drawn by rich": rich_traceback_with_locals,
    "rich's pretty printer": lambda: pretty_repr([VALUE, CREATED, SNAPSHOT], max_depth=9),
}
REFUSED: dict[str, Callable[[], object]] = {
    "pickle": lambda: pickle.dumps(VALUE),
    "pickle, the oldest protocol": lambda: pickle.dumps(VALUE, protocol=0),
    "pickle of what holds it": lambda: pickle.dumps(CREATED),
    "copy": lambda: copy.copy(VALUE),
    "deepcopy": lambda: copy.deepcopy(VALUE),
    "asdict of what holds it": lambda: asdict(CREATED),
    "astuple of what holds it": lambda: astuple(CREATED),
    "vars": lambda: vars(VALUE),
    "json": lambda: json.dumps(VALUE),
    "a format with a width": lambda: f"{VALUE:>100}",
    "str.join": lambda: " ".join(["Bearer", VALUE]),  # type: ignore[list-item]  # noqa: FLY002
    "adding": lambda: "Bearer " + VALUE,  # type: ignore[operator]
    "iterating": lambda: list(VALUE),  # type: ignore[call-overload]
    "slicing": lambda: VALUE[:4],  # type: ignore[index]
    "encoding": lambda: bytes(VALUE),  # type: ignore[call-overload]
}


def print_to_text(*things: object) -> str:
    """Print, and give what was printed."""
    stream = io.StringIO()
    print(*things, file=stream)
    return stream.getvalue()


class TestTokenValue:
    """The one thing that must never be seen."""

    @pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
    def test_it_is_hidden_wherever_it_is_shown(self, show: Callable[[], str]) -> None:
        """One sees that there is a value, and nothing of it."""
        text = show()

        assert SECRET not in text
        assert "TokenValue(hidden)" in text

    @pytest.mark.parametrize("use", REFUSED.values(), ids=REFUSED)
    def test_it_is_refused_wherever_it_would_get_out(self, use: Callable[[], object]) -> None:
        """What would carry the value away fails, and the error does not carry it either."""
        with pytest.raises(TypeError) as refusal:
            use()

        assert SECRET not in str(refusal.value)

    def test_reveal_is_the_way_out(self) -> None:
        """The value comes out as it went in."""
        assert VALUE.reveal() == SECRET

    def test_a_value_equals_itself_only(self) -> None:
        """Values are compared as values, and never with a bare string."""
        assert TokenValue(SECRET) == VALUE
        assert len({TokenValue(SECRET), VALUE}) == 1
        assert TokenValue(SECRET + " ") != VALUE
        assert VALUE != SECRET

    def test_the_digest_is_the_start_of_the_sha_256(self) -> None:
        """Twelve hex digits, in lower case, as anybody can compute them."""
        assert TokenValue("abc").digest == "ba7816bf8f01"
        assert TokenValue("").digest == "e3b0c44298fc"

    @given(st.text(st.characters()))
    def test_any_text_is_a_value(self, text: str) -> None:
        """Whatever a person pastes is compared and digested without complaint."""
        value = TokenValue(text)

        assert value == TokenValue(text)
        assert len(value.digest) == 12

    def test_half_a_character_is_a_value_like_any_other(self) -> None:
        """A lone surrogate has no bytes in UTF-8; an error that says so would carry the value."""
        broken, other = TokenValue(f"{SECRET}\ud83e"), TokenValue(f"{SECRET}\udd8a")

        assert broken == TokenValue(f"{SECRET}\ud83e")
        assert broken not in (other, VALUE)
        assert len({broken.digest, other.digest, VALUE.digest}) == 3
        assert len({broken, other, VALUE}) == 3


class TestBinding:
    """The mark at the end of a token's display name."""

    @pytest.mark.parametrize(
        "display_name",
        [
            "Build agents [kv-build/feed-token]",
            "[kv-build/feed-token]",
            "Build agents[kv-build/feed-token]",
            "Build agents [KV-BUILD/Feed-Token]",
            "[[kv-build/feed-token]",
            "[kv-build/another] [kv-build/feed-token]",
            "a [note] [kv-build/feed-token]",
            "Ünï \u202e 🦊\n[kv-build/feed-token]",
        ],
    )
    def test_a_token_is_bound_to_the_secret_that_its_name_ends_with(
        self, display_name: str
    ) -> None:
        """Whatever stands before the mark, and in whatever case the mark is written."""
        assert replace(TOKEN, display_name=display_name).is_bound_to(NAME)

    @pytest.mark.parametrize(
        "display_name",
        [
            "",
            "Build agents",
            "[kv-build/feed-token] Build agents",
            "[kv-build/feed-token] ",
            "[kv-build/feed-token]\n",
            "[kv-build/feed-token",
            "kv-build/feed-token]",
            "[kv-build/feed-token]]",
            "[kv-build/feed-token-2]",
            "[my-kv-build/feed-token]",
            "[feed-token]",
            "[/feed-token]",
            "[kv-build/]",
            "[kv-build/feed-token/2]",
            "[kv-build /feed-token]",
            "[kv-build/feed-token] [kv-build/another]",
            "[kv\u2011build/feed\u2011token]",
            "[\N{KELVIN SIGN}v-build/feed-token]",
            f"[kv-build/feed-token{'-token' * 2_000}]",
        ],
    )
    def test_anything_else_is_no_mark_of_it(self, display_name: str) -> None:
        """A token that is not bound to the secret in hand is never touched: in doubt it is not."""
        assert not replace(TOKEN, display_name=display_name).is_bound_to(NAME)

    def test_the_mark_says_which_secret(self) -> None:
        """It is found again in any token's name, in lower case; without a mark there is none."""
        assert NAME.mark == "[kv-build/feed-token]"
        assert TOKEN.marked == NAME
        assert replace(TOKEN, display_name="x [KV/S]").marked == SecretName("kv", "s")
        assert replace(TOKEN, display_name="x").marked is None

    def test_a_mark_is_no_longer_than_what_it_can_name(self) -> None:
        """An event quotes it, and a display name has no end that anybody promised."""
        longest = SecretName("kv-build", "x" * 127)

        assert replace(TOKEN, display_name=f"x {longest.mark}").marked == longest
        assert replace(TOKEN, display_name=f"x [kv-build/{'x' * 128}]").marked is None

    @given(st.text(), st.from_regex(r"[0-9A-Za-z-]{1,127}", fullmatch=True))
    def test_every_secret_has_a_mark_that_binds(self, base: str, name: str) -> None:
        """The mark of any secret, after any name, binds the token to just that secret."""
        secret = SecretName("kv-build", name)
        token = replace(TOKEN, display_name=f"{base} {secret.mark}")

        assert token.is_bound_to(secret)
        assert not token.is_bound_to(SecretName("kv-build", name + "x"))


@pytest.mark.parametrize(
    ("accounts", "account", "expected"),
    [
        ((ACCOUNT,), ACCOUNT, True),
        ((ACCOUNT,), None, True),
        (("another",), ACCOUNT, False),
        ((ACCOUNT, "another"), ACCOUNT, False),
        ((ACCOUNT, "another"), None, False),
        ((), ACCOUNT, False),
        ((), None, False),
        (None, ACCOUNT, False),
        (None, None, False),
    ],
)
def test_confinement(
    accounts: tuple[str, ...] | None, account: str | None, *, expected: bool
) -> None:
    """A token works in one organization; in this one, as soon as the service tells which it is."""
    assert replace(TOKEN, target_accounts=accounts).is_confined_to(account) is expected


@pytest.mark.parametrize(
    ("given_secret", "expected"),
    [
        (SETTLED, True),
        (SETTLED.glanced(), True),
        (SETTLED.pasted(), False),
        (SETTLED.pasted().glanced(), True),
        (SETTLED.unrecorded(), False),
        (SETTLED.unrecorded().glanced(), False),
    ],
    ids=[
        "the value is the one that was recorded",
        "at a glance there is nothing to say against it",
        "the tags were copied with another value",
        "which a glance cannot tell",
        "no id is recorded",
        "which a glance tells, too",
    ],
)
def test_whose_id_is_recorded(given_secret: Given, *, expected: bool) -> None:
    """An id is the stored value's as long as the digest beside it is not known to be another's."""
    assert given_secret.snapshot.is_identified is expected


def test_the_current_token_is_counted_on() -> None:
    """The rules after the sixth have it; whoever asks earlier is told of which secret."""
    assert SETTLED.snapshot.current == TOKEN
    with pytest.raises(LookupError, match=r"^the recorded token of kv-build/feed-token is not "):
        _ = SETTLED.unlisted().snapshot.current


def test_the_stored_value_is_counted_on() -> None:
    """Every step has it; whoever asks at a glance is told of which secret."""
    assert SETTLED.snapshot.value == SETTLED.snapshot.secret.value
    with pytest.raises(LookupError, match=r"^the value of kv-build/feed-token was not read$"):
        _ = SETTLED.glanced().snapshot.value


def test_scopes_have_one_spelling() -> None:
    """Whatever order the service reports them in, they are asked for in the same one."""
    token = replace(TOKEN, scopes=frozenset(["vso.work", "vso.build", "vso.code_write"]))

    assert token.scope == "vso.build vso.code_write vso.work"


def test_names_are_compared_in_lower_case() -> None:
    """A name keeps its spelling for people, and has one form to look it up by."""
    name = SecretName("KV-Build", "Feed-Token")

    assert str(name) == "KV-Build/Feed-Token"
    assert name.folded == NAME.folded == SecretName("kv-build", "feed-token")


@given(st.text(), st.text())
def test_a_fraction_is_stable_and_less_than_one(purpose: str, name: str) -> None:
    """Each secret has its number for each purpose, from 0 up to 1, the same in every process."""
    assert 0 <= SecretName("kv", name).fraction(purpose) < 1


def test_fractions_are_the_same_in_every_process() -> None:
    """Not drawn from Python's own hash, which differs from process to process."""
    assert round(NAME.fraction("spread"), 6) == 0.698431
    assert NAME.fraction("spread") != NAME.fraction("proof")
    assert NAME.fraction("proof") == SecretName("KV-BUILD", "FEED-TOKEN").fraction("proof")


def test_what_is_known_cannot_be_changed() -> None:
    """A secret is frozen with its tags, and keeps none that are changed behind its back."""
    tags = {"team": "build"}
    secret = replace(SNAPSHOT.secret, tags=tags)
    tags["team"] = "changed"

    assert secret.tags == {"team": "build"}
    with pytest.raises(FrozenInstanceError):
        secret.enabled = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        secret.tags["team"] = "changed"  # type: ignore[index]
