"""How the sign-in pages look: plain forms, in which everything from outside is escaped."""

from __future__ import annotations

from html import escape
from string import Template
from typing import TYPE_CHECKING

from sandbox.browser_step import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.browser_step import Question, Return
    from sandbox.error import SignInRefusedError

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; background: #f2f2f2; margin: 0; }
main { background: #fff; max-width: 26rem; margin: 10vh auto; padding: 2rem; }
h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 1rem; }
label { display: block; margin: 1rem 0; }
input { display: block; box-sizing: border-box; width: 100%; font: inherit; padding: .4rem; }
button { font: inherit; padding: .3rem 1.2rem; margin: 1rem .5rem 0 0; }
[role=alert] { color: #a80000; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
$content
</main>
</body>
</html>
""")
_FORM = Template("""<form method="post" action="$action">
$hidden
$content
</form>""")
_INPUT = Template(
    '<label>$label<input name="$name" type="$type" value="$value" autocomplete="off"></label>'
)
_BUTTON = Template('<button name="button" value="$value">$label</button>')
TITLES = {
    Stage.ACCOUNT: "Sign in",
    Stage.FACTOR: "Verify your identity",
    Stage.CONSENT: "Permissions requested",
    Stage.APPROVAL: "Need admin approval",
}


def question_page(question: Question, action: str) -> str:
    """Write the page that asks a question, and sends its answer to the path ``action``."""
    content = [
        *([f'<p role="alert">{escape(question.message)}</p>'] if question.message else []),
        *_inputs(question),
        *_buttons(question.stage),
    ]
    hidden = {"transaction": question.transaction, "stage": question.stage.value}
    return _page(TITLES[question.stage], _form(action, hidden, "\n".join(content)))


def return_page(back: Return) -> str:
    """Write the page that posts the outcome to the application: by itself, or by its button."""
    form = _form(back.redirect_uri, back.fields, "<button>Continue</button>")
    # By the form's own method: a field named `submit` would hide the one of the element.
    script = "<script>HTMLFormElement.prototype.submit.call(document.forms[0])</script>"
    return _page("Working…", f"<p>You are sent back to the application.</p>\n{form}\n{script}")


def error_page(error: SignInRefusedError) -> str:
    """Write the page at which a sign-in ends that cannot go on, nor back."""
    return _page("Sorry, we cannot sign you in", f'<p role="alert">{escape(error.description)}</p>')


def _inputs(question: Question) -> list[str]:
    match question.stage:
        case Stage.ACCOUNT:
            return [
                f"<p>to continue to {escape(question.application)}</p>",
                _input("Account", "login", "text", question.upn),
                _input("Password", "password", "password"),
            ]
        case Stage.FACTOR:
            return [
                f"<p>{escape(question.upn)}</p>",
                _input("The number that your other device shows", "number", "text"),
            ]
        case Stage.CONSENT:
            listed = "".join(f"<li>{escape(scope)}</li>" for scope in question.scopes)
            return [
                f"<p>{escape(question.upn)}</p>",
                f"<p>{escape(question.application)} would like to use Azure DevOps as you:</p>",
                f"<ul>{listed}</ul>",
            ]
        case Stage.APPROVAL:
            needed = "needs permission that only an administrator can grant. (AADSTS90094)"
            return [
                f"<p>{escape(question.upn)}</p>",
                f"<p>{escape(question.application)} {needed}</p>",
            ]


def _buttons(stage: Stage) -> list[str]:
    match stage:
        case Stage.APPROVAL:
            return [_button("cancel", "Return to the application")]
        case Stage.CONSENT:
            return [_button("next", "Accept"), _button("cancel", "Cancel")]
        case _:
            return [_button("next", "Next"), _button("cancel", "Cancel")]


def _page(title: str, content: str) -> str:
    return _PAGE.substitute(title=escape(title), content=content)


def _form(action: str, hidden: Mapping[str, str], content: str) -> str:
    inputs = (
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return _FORM.substitute(action=escape(action), hidden="\n".join(inputs), content=content)


def _input(label: str, name: str, kind: str, value: str = "") -> str:
    return _INPUT.substitute(label=escape(label), name=name, type=kind, value=escape(value))


def _button(value: str, label: str) -> str:
    return _BUTTON.substitute(value=value, label=escape(label))
