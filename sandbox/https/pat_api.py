"""The face of ``vssps.dev.azure.com``: the PAT lifecycle API.

Paths, parameters and bodies are those of the published specification ``tokens/7.2``; paths are
compared without regard to case. A refusal by a rule or a policy is a 200 with a ``patTokenError``;
*get* and *list* differ in nothing but the ``authorizationId``, so that an empty one makes a list;
*delete* answers 204 (the published example; the specification itself says 200).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import CallerRefusedError, TokenRefusedError
from sandbox.https import pat_form
from sandbox.https.admission import (
    admit_to_tokens,
    fault,
    find_organization,
    payer,
    refusal,
)
from sandbox.https.message import Response
from sandbox.registry import Caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.https.gate import Gate
    from sandbox.https.message import Request

    Answer = Callable[[Caller, Request], Response]

PATH = ["_apis", "tokens", "pats"]


class PatFace:
    """Lets people make, look at, change and end their tokens."""

    def __init__(self, gate: Gate) -> None:
        """Stand before all organizations of the world."""
        self._gate = gate
        self._world = gate.world
        self._registry = gate.world.registry

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if [part.lower() for part in request.segments[1:]] != PATH:
            return Response.of_page(404, "not found")
        route = self._route(request)
        if route is None:
            return Response.of_page(405, "method not allowed")
        operation, thing, answer = route
        target = "/".join(filter(None, (request.segments[0], thing)))
        return self._gate.call(
            "azure-devops",
            operation,
            target,
            lambda: self._carry_out(request, answer),
            payer(self._world, request),
        )

    def _route(self, request: Request) -> tuple[str, str, Answer] | None:
        """Tell the operation, the thing it is asked of, and who answers."""
        authorization_id = request.query.get("authorizationId", "")
        match request.method:
            case "GET" if authorization_id:
                return "get_pat", authorization_id, self._get
            case "GET":
                return "list_pats", "", self._list
            case "POST":
                return "create_pat", pat_form.peek(request, "displayName"), self._create
            case "PUT":
                return "update_pat", pat_form.peek(request, "authorizationId"), self._update
            case "DELETE":
                return "revoke_pat", authorization_id, self._revoke
            case _:
                return None

    def _carry_out(self, request: Request, answer: Answer) -> Response:
        try:
            organization = find_organization(self._world, request.segments[0])
            owner = admit_to_tokens(self._world, organization, request)
        except CallerRefusedError as exc:
            return refusal(exc, self._world.tenant.id)
        if "-preview" not in request.query.get("api-version", ""):
            message = "the resource is in preview: the api-version must say so"
            return Response.of_json(fault(message, "VssInvalidPreviewVersionException"), 400)
        try:
            return answer(Caller(organization, owner), request)
        except TokenRefusedError as exc:
            return Response.of_json(pat_form.refused(exc, request.query["api-version"]))
        except pat_form.UnreadableError as exc:
            return Response.of_json(fault(str(exc), exc.kind), 400)

    def _list(self, caller: Caller, request: Request) -> Response:
        query = pat_form.read_query(request.query)
        page = self._registry.list(caller, query)
        return Response.of_json(pat_form.page(page, query))

    def _get(self, caller: Caller, request: Request) -> Response:
        token = self._registry.get(caller, request.query["authorizationId"])
        return Response.of_json(pat_form.result(token))

    def _create(self, caller: Caller, request: Request) -> Response:
        token = self._registry.create(caller, pat_form.read_draft(request))
        return Response.of_json(pat_form.result(token, show_value=True))

    def _update(self, caller: Caller, request: Request) -> Response:
        authorization_id = pat_form.peek(request, "authorizationId")
        token = self._registry.update(caller, authorization_id, pat_form.read_draft(request))
        return Response.of_json(pat_form.result(token))

    def _revoke(self, caller: Caller, request: Request) -> Response:
        try:
            self._registry.revoke(caller, request.query.get("authorizationId", ""))
        except TokenRefusedError as exc:
            # What an unknown id is answered with is unverified; the stricter manner is imitated.
            return Response.of_json(fault(str(exc), "AuthorizationNotFoundException"), 404)
        return Response(204)
