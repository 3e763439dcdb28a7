"""What git asks a helper, what it is told, and which secret it is about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rotation.errors import AccessDeniedError, RotationError
from rotation.git_credential import Question, Remote, Site, answer, choose, is_for, read, remote
from rotation.lookup import Lookup, value_of
from rotation.model import ManagedSecret, SecretName, TokenValue
from rotation.tags import ORGANIZATION

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
NAME = SecretName("kv-build", "feed-token")
HERE = Site("localhost:8443", "/devops")
CONTOSO = Remote("contoso")


def secret(
    name: str, organization: str | None = "contoso", *, enabled: bool = True
) -> ManagedSecret:
    """Give a secret as a list of the vault shows it."""
    tags = {} if organization is None else {ORGANIZATION: organization}
    return ManagedSecret(SecretName("kv-build", name), NOW, None, tags, enabled)


class TestReading:
    """A question of git."""

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize(
        "last", ["", "{end}", "{end}{end}", "{end}{end}host=evil.example{end}"]
    )
    def test_attributes_end_with_a_blank_line_or_the_end(self, end: str, last: str) -> None:
        """Whatever ends the lines; what comes after a blank one is not read."""
        lines = ["protocol=https", "host=dev.azure.com", "path=a/b=c", "username=ada"]

        found = read(end.join(lines) + last.format(end=end))

        assert found == Question("https", "dev.azure.com", "a/b=c", "ada")

    def test_what_is_not_known_is_passed_over(self) -> None:
        """Newer gits say more; of what is said twice the last counts."""
        lines = ["capability[]=authtype", "wwwauth[]=Basic realm=", "state[]=", "host=a", "host=b"]

        assert read("\n".join(lines)) == Question(host="b")

    def test_the_password_is_hidden(self) -> None:
        """An empty one is none."""
        assert "hunter" not in repr(read("password=hunter"))
        assert read("password=hunter").password == TokenValue("hunter")
        assert read("password=").password is None

    @pytest.mark.parametrize("line", ["hunter", "host=a\0b", "host=a\rb"])
    def test_what_is_no_attribute_is_refused_without_a_quotation(self, line: str) -> None:
        """It may be a password."""
        with pytest.raises(RotationError) as refused:
            read(f"protocol=https\n{line}\n")

        assert str(refused.value).startswith("line 2 of git's question is no attribute")
        assert line not in str(refused.value)


class TestRemote:
    """Where a token may go."""

    @pytest.mark.parametrize(
        ("host", "path", "organization"),
        [
            ("dev.azure.com", "contoso/web/_git/app", "contoso"),
            ("DEV.azure.com:443", "/contoso/", "contoso"),
            ("dev.azure.com", "", ""),
            ("contoso.visualstudio.com", "", "contoso"),
            ("contoso.visualstudio.com", "DefaultCollection/web/_git/app", "contoso"),
            ("localhost:8443", "devops/contoso/web/_git/app", "contoso"),
            ("localhost:8443", "devops", ""),
            ("localhost:8443", "", ""),
        ],
    )
    def test_the_address_tells_the_organization(
        self, host: str, path: str, organization: str
    ) -> None:
        """By its path, or in its old form by its host."""
        found = remote(Question("https", host, path, "ada"), HERE)

        assert found == Remote(organization, "ada")

    @pytest.mark.parametrize(
        ("host", "path"),
        [
            ("github.com", "contoso"),
            ("dev.azure.com.evil.example", "contoso"),
            ("evil-dev.azure.com", "contoso"),
            ("evilvisualstudio.com", "contoso"),
            ("dev.azure.com:8443", "contoso"),
            ("dev.azure.com.", "contoso"),
            ("dev.azure.com", "contoso.evil/web"),
            ("dev.azure.com", "con\u200btoso/web"),
            ("dev.azure.com", "../contoso"),
            ("visualstudio.com", "contoso"),
            (".visualstudio.com", "contoso"),
            ("a.b.visualstudio.com", "contoso"),
            ("contoso.visualstudio.com.evil.example", ""),
            ("contoso.visualstudio.com:8443", ""),
            ("localhost", "devops/contoso"),
            ("localhost:8443", "contoso/web"),
            ("localhost:8443", "devops/-/web"),
            ("", ""),
        ],
    )
    def test_a_stranger_is_none_of_its_business(self, host: str, path: str) -> None:
        """Nor is an address that no organization can have."""
        assert remote(Question("https", host, path), HERE) is None

    @pytest.mark.parametrize("protocol", ["http", "ssh", "", "HTTPS", "https "])
    def test_nothing_else_than_https_is_its_business(self, protocol: str) -> None:
        """A token in plain text is nobody's secret; git writes protocols in lower case."""
        assert remote(Question(protocol, "dev.azure.com", "contoso"), HERE) is None


class TestChoosing:
    """Which secret is for an address."""

    mixed = (secret("a"), secret("b", "Fabrikam"), secret("c", None), secret("d", enabled=False))

    @pytest.mark.parametrize(
        ("asked", "names"),
        [
            (Remote("CONTOSO"), ["a"]),
            (Remote("fabrikam", "contoso"), ["b"]),
            (Remote("other"), []),
            (Remote("", "contoso"), ["a"]),
            (Remote("", "ada"), ["a", "b", "c"]),
            (Remote("", "C"), ["c"]),
            (Remote(), ["a", "b", "c"]),
        ],
    )
    def test_the_address_comes_before_the_user_name(self, asked: Remote, names: list[str]) -> None:
        """Case does not matter, and a disabled secret is no candidate."""
        assert [found.name.name for found in choose(self.mixed, asked)] == names

    def test_the_user_name_chooses_among_those_of_the_organization(self) -> None:
        """And nowhere else."""
        both = (secret("a"), secret("b"), secret("c", "fabrikam"))

        assert choose(both, Remote("contoso", "B")) == (both[1],)
        assert choose(both, Remote("contoso", "c")) == both[:2]

    @pytest.mark.parametrize(
        ("organization", "asked", "is_so"),
        [
            ("contoso", CONTOSO, True),
            ("Contoso ", CONTOSO, True),
            ("fabrikam", CONTOSO, False),
            (None, CONTOSO, True),
            ("fabrikam", Remote("", "contoso"), True),
        ],
    )
    def test_a_secret_of_another_organization_is_not_for_it(
        self, organization: str | None, asked: Remote, *, is_so: bool
    ) -> None:
        """A user name alone proves nothing: people write their own there."""
        assert is_for(secret("a", organization), asked) is is_so


class TestAnswering:
    """What git is told."""

    def test_it_is_a_user_a_password_and_an_end(self) -> None:
        """The end in seconds since 1970."""
        told = answer(NAME, TokenValue("hunter"), Question(), NOW)

        assert told.reveal() == "username=pat\npassword=hunter\npassword_expiry_utc=1795330800\n"

    def test_what_git_knows_is_not_said_again(self) -> None:
        """Nor is an end that nobody knows."""
        told = answer(NAME, TokenValue("hunter"), Question(username="ada"), None)

        assert told.reveal() == "password=hunter\n"

    @pytest.mark.parametrize("value", ["", "hunter\n", "hunter\r", "hun\nhost=evil", "hun\0ter"])
    def test_a_value_that_git_cannot_be_told_is_refused(self, value: str) -> None:
        """Without a word of it: a second line would be an attribute."""
        with pytest.raises(
            RotationError, match="kv-build/feed-token is empty or has several"
        ) as no:
            answer(NAME, TokenValue(value), Question(), NOW)

        assert "hun" not in str(no.value)


class Denying:
    """A vault that refuses."""

    def __init__(self, message: str, status: int | None, hint: str = "") -> None:
        """Refuse like this."""
        self.error = AccessDeniedError(
            message, service="key-vault", operation="read", status=status, hint=hint
        )

    def read(self, name: SecretName) -> ManagedSecret:
        """Refuse."""
        assert name == NAME
        raise self.error


@pytest.mark.parametrize(
    ("denying", "said"),
    [
        (
            Denying("cannot read kv-build/a: no token of the managed identity", None),
            "cannot read kv-build/a: nobody is signed in here; sign in, for instance by az login",
        ),
        (
            Denying("cannot read kv-build/a: 403 Forbidden ForbiddenByRbac", 403),
            (
                "cannot read kv-build/a: 403 Forbidden ForbiddenByRbac; ask those who look after "
                "kv-build for the role Key Vault Secrets User on it"
            ),
        ),
        (
            Denying("403 Forbidden ForbiddenByFirewall", 403, "open the firewall to the rotator"),
            "403 Forbidden ForbiddenByFirewall; open the firewall to this machine",
        ),
    ],
)
def test_whoever_is_denied_is_told_what_they_can_do(denying: Denying, said: str) -> None:
    """In words for a person who uses tokens, not for one who runs the rotator."""
    with pytest.raises(AccessDeniedError) as denied:
        Lookup(denying, ["kv-build"]).find(CONTOSO, NAME)  # type: ignore[arg-type] # one call

    assert str(denied.value) == said


def test_a_listed_secret_has_no_value() -> None:
    """To ask for it is a fault of ours."""
    with pytest.raises(ValueError, match="listed, not read"):
        value_of(secret("a"))
