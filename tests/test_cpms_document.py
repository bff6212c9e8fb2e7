"""The OpenAPI document of the CPMS interface, and the reference server against it."""

import json
import re

import jsonschema
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from cpms import (
    Caller,
    Chargepoints,
    Connection,
    Endpoint,
    Machine,
    Refusal,
    Request,
    Server,
    Terms,
)
from cpms import endpoint as served
from cpms.messages import ACTIONS, MOST_BLOCKS, REASONS, instant, read
from cpms.problem import KINDS
from cpms.states import STATES
from cpms.terms import LEADERS, SCHEMES
from scchelpers.network.failsafe import FailSafe
from tests.conftest import ROOT

DOCUMENT = yaml.safe_load((ROOT / "docs" / "cpms-api.openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
TOKEN = "test"
ID = "1f1c9a52-7c0a-4f6e-8d57-0a2b6f6f7a01"


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method in sorted(item.keys() & {"get", "put", "post"}):
            yield path, method, item[method]


def faults(value, schema: dict) -> list[str]:
    """Return what is wrong with a value by a schema of the document."""
    validator = jsonschema.Draft202012Validator(
        {"components": DOCUMENT["components"]} | schema,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    return [fault.message for fault in validator.iter_errors(value)]


def media(node):
    """Find every media type object of the document that holds examples."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield node
        for child in node.values():
            yield from media(child)
    elif isinstance(node, list):
        for child in node:
            yield from media(child)


def endpoint(now: float, **changes) -> Endpoint:
    rules = FailSafe(failsafe_kw=44.0)
    terms = Terms("SITE-0001", 150.0, rules=rules, **changes)
    site = Connection(Machine(terms, now), Chargepoints(lambda _: 61.2, 44.0))
    site.step(now)
    scopes = frozenset({"limits.write", "monitoring.read"})
    callers = {
        TOKEN: Caller("DNO", scopes, frozenset({"SITE-0001"})),
        "reader": Caller("reader", frozenset({"monitoring.read"}), frozenset({"SITE-0001"})),
        "stranger": Caller("other DNO", scopes, frozenset({"SITE-0002"})),
    }
    return Endpoint([site], callers)


def request(method: str, resource: str, body=None, token=TOKEN, request_id=ID, **headers):
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    told = {"content-type": "application/json"} | headers
    if token:
        told["authorization"] = f"Bearer {token}"
    if request_id:
        told["x-request-id"] = request_id
    return Request(method, f"{served.BASE}/sites/SITE-0001{resource}", told, raw)


def test_the_document_is_valid_openapi():
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_example_fits_its_schema_and_every_body_has_one():
    found = list(media(DOCUMENT))
    for each in found:
        for name, example in each["examples"].items():
            assert not faults(example["value"], each["schema"]), name
    bodies = [
        operation["requestBody"] for _, _, operation in operations() if "requestBody" in operation
    ]
    bodies += [hook["post"]["requestBody"] for hook in DOCUMENT["webhooks"].values()]
    assert len(bodies) == 6
    assert all(body["content"]["application/json"]["examples"] for body in bodies)


def test_the_server_has_the_routes_and_scopes_of_the_document():
    listed = {
        (path.removeprefix("/sites/{siteId}").lstrip("/"), method.upper()): operation["security"]
        for path, method, operation in operations()
    }
    assert listed == {
        (resource, method): [{"oauth": [scope], "mtls": []}]
        for resource, methods in served.ROUTES.items()
        for method, scope in methods.items()
    }
    assert DOCUMENT["servers"][0]["url"].endswith(served.BASE)


def test_words_and_bounds_are_those_of_the_document():
    assert tuple(SCHEMAS["State"]["enum"]) == STATES
    assert tuple(SCHEMAS["Reason"]["enum"]) == REASONS
    assert tuple(SCHEMAS["Trip"]["properties"]["action"]["enum"]) == ACTIONS
    assert tuple(SCHEMAS["Terms"]["properties"]["scheme"]["enum"]) == SCHEMES
    assert tuple(SCHEMAS["Terms"]["properties"]["ledBy"]["enum"]) == LEADERS
    assert SCHEMAS["Forecast"]["properties"]["blocks"]["maxItems"] == MOST_BLOCKS
    kinds = SCHEMAS["Problem"]["properties"]["type"]["enum"]
    assert kinds == [f"/problems/{kind}" for kind in KINDS]


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    [each for each in operations() if "requestBody" in each[2]],
    ids=lambda each: each.get("operationId", "") if isinstance(each, dict) else "",
)
def test_each_example_is_taken_and_answered_as_the_document_says(path, method, operation):
    content = operation["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        body = example["value"]
        now = instant(body.get("issuedAt", "2026-11-23T17:00:00Z"))
        answer = endpoint(now).handle(
            request(method.upper(), path[len("/sites/{siteId}") :], body), now
        )
        assert answer.status == 200
        reference = operation["responses"]["200"]["$ref"].rsplit("/", 1)[1]
        schema = DOCUMENT["components"]["responses"][reference]["content"]["application/json"]
        assert not faults(json.loads(answer.body), schema["schema"])
        assert answer.headers["X-Request-ID"] == ID


NOW = instant("2026-11-23T17:00:00Z")
GOOD = {
    "sequence": 1,
    "issuedAt": "2026-11-23T17:00:00Z",
    "limitKw": 80,
    "validUntil": "2026-11-23T17:15:00Z",
}
WRONG = {
    "negative limit": GOOD | {"limitKw": -5},
    "limit as text": GOOD | {"limitKw": "80"},
    "limit as truth": GOOD | {"limitKw": True},
    "limit too large": GOOD | {"limitKw": 1e7},
    "no expiry": {k: v for k, v in GOOD.items() if k != "validUntil"},
    "no zone": GOOD | {"validUntil": "2026-11-23T17:15:00"},
    "no such day": GOOD | {"validUntil": "2026-02-30T17:15:00Z"},
    "no instant": GOOD | {"issuedAt": "now"},
    "sequence with a part": GOOD | {"sequence": 1.5},
    "sequence below 0": GOOD | {"sequence": -1},
    "unknown member": GOOD | {"limitKW": 10},
    "unknown reason": GOOD | {"reason": "MOOD"},
    "a list": [GOOD],
    "nothing": None,
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_wrong_bodies_are_refused_by_schema_and_server_alike(body):
    assert faults(body, {"$ref": "#/components/schemas/Setpoint"})
    here = endpoint(NOW)
    answer = here.handle(request("PUT", "/setpoint", json.dumps(body).encode()), NOW)
    problem = json.loads(answer.body)
    assert (answer.status, problem["type"]) == (400, "/problems/malformed")
    assert not faults(problem, {"$ref": "#/components/schemas/Problem"})
    assert here.connections["SITE-0001"].machine.heard.setpoint is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff", b'{"sequence": 1, "sequence": 2}', b'{"limitKw": NaN}', b"[" * 100_000],
    ids=["empty", "cut", "bytes", "twice", "nan", "deep"],
)
def test_what_is_not_json_is_refused(raw):
    with pytest.raises(Refusal) as refused:
        read("setpoint", raw)
    assert refused.value.kind == "malformed"


def answered(here: Endpoint, *args, now: float = NOW, **kwargs) -> tuple[int, dict]:
    answer = here.handle(request(*args, **kwargs), now)
    return answer.status, json.loads(answer.body)


def test_access_is_checked_before_anything_is_told():
    here = endpoint(NOW)
    assert answered(here, "PUT", "/setpoint", GOOD, token=None)[0] == 401
    assert answered(here, "PUT", "/setpoint", GOOD, token="wrong")[0] == 401
    assert answered(here, "PUT", "/setpoint", GOOD, token="reader")[0] == 403
    assert answered(here, "PUT", "/setpoint", GOOD, token="stranger")[0] == 404
    assert answered(here, "GET", "/status", token="reader")[0] == 200
    assert answered(here, "GET", "/nothing")[0] == 404
    refused = here.handle(request("DELETE", "/setpoint"), NOW)
    assert (refused.status, refused.headers["Allow"]) == (405, "PUT")
    assert here.handle(request("GET", "", token=None), NOW).headers["WWW-Authenticate"] == "Bearer"


def test_headers_and_size_are_checked():
    here = endpoint(NOW)
    assert answered(here, "PUT", "/setpoint", GOOD, request_id=None)[0] == 400
    assert answered(here, "PUT", "/setpoint", GOOD, request_id="7")[0] == 400
    typed = {"content-type": "text/plain"}
    assert answered(here, "PUT", "/setpoint", GOOD, **typed)[0] == 415
    assert answered(here, "PUT", "/setpoint", b" " * 70_000)[0] == 413


def test_a_repeat_gets_the_first_answer_and_is_not_applied_again():
    here = endpoint(NOW)
    first = here.handle(request("PUT", "/setpoint", GOOD), NOW)
    assert here.handle(request("PUT", "/setpoint", GOOD), NOW + 5) == first
    other = ID.replace("1f", "2f")
    status, problem = answered(here, "PUT", "/setpoint", GOOD, request_id=other)
    assert (status, problem["lastSequence"]) == (409, 1)
    assert not faults(problem, {"$ref": "#/components/schemas/StaleProblem"})
    status, problem = answered(here, "PUT", "/setpoint", GOOD | {"sequence": 2})
    assert (status, problem["type"]) == (422, "/problems/reused")


def test_a_refused_request_is_judged_anew_when_it_is_repeated():
    here = endpoint(NOW)
    early = {"offlineModeAt": "2026-11-23T17:00:00Z"}
    assert answered(here, "POST", "/heartbeat", early)[0] == 422
    assert answered(here, "POST", "/heartbeat", early, now=NOW - 10)[0] == 200


def test_measurements_say_what_is_known_and_nothing_else():
    here = endpoint(NOW)
    for second in range(1, 61):
        here.connections["SITE-0001"].step(NOW + second)
    query = "?from=2026-11-23T17:00:00Z&to=2026-11-23T18:01:30%2B01:00"
    (row,) = answered(here, "GET", "/measurements" + query)[1]["measurements"]
    assert row["endTime"] == "2026-11-23T17:01:30.000Z"  # cut short, and its offset is read
    query = "?from=2026-11-23T17:00:00Z&to=2026-11-23T17:03:00Z&resolution=PT1M"
    status, told = answered(here, "GET", "/measurements" + query, now=NOW + 60)
    assert status == 200 and not faults(told, {"$ref": "#/components/schemas/Measurements"})
    assert [row["averageKw"] for row in told["measurements"]] == [44.0, 44.0, None]
    assert [row["coverage"] for row in told["measurements"]] == [1.0, 1.0, 0.0]
    for query in (
        "",
        "?from=1&to=2",
        "?from=2026-11-23T17:00:00Z&to=2026-11-24T17:00:00Z&resolution=P1D",
    ):
        assert answered(here, "GET", "/measurements" + query)[0] == 400


def test_every_other_answer_fits_the_document():
    here = endpoint(NOW)
    assert not faults(answered(here, "GET", "")[1], {"$ref": "#/components/schemas/Terms"})
    assert not faults(answered(here, "GET", "/status")[1], {"$ref": "#/components/schemas/Status"})


def test_the_guide_shows_requests_that_work():
    """Each JSON block of the guide named as a request is taken by the server."""
    guide = (ROOT / "docs" / "cpms-api.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(PUT|POST) (/\w+)\n\n```json\n(.*?)```", guide, flags=re.M | re.S)
    assert {resource for _, resource, _ in shown} == {
        "/setpoint",
        "/forecast",
        "/heartbeat",
        "/trip",
    }
    for method, resource, raw in shown:
        assert answered(endpoint(NOW), method, resource, raw.encode())[0] == 200, resource


@pytest.fixture(scope="module")
def fuzzed():
    """Serve the document's site over HTTP, and load the document with that site alone in it."""
    schemathesis = pytest.importorskip("schemathesis")
    document = json.loads(json.dumps(DOCUMENT))
    parameters = document["components"]["parameters"]
    parameters["siteId"]["schema"] = {"enum": ["SITE-0001"]}
    del parameters["requestId"]["example"]  # each request has an ID of its own
    with Server(endpoint(NOW), clock=lambda: NOW, period_s=None) as server:
        schema = schemathesis.openapi.from_dict(document)
        checks = schema.config.checks
        # Generated instants lie anywhere: a message may be well formed and have lapsed.
        checks.positive_data_acceptance.expected_statuses = ["200", "409", "422"]
        checks.negative_data_rejection.expected_statuses = ["400", "401", "404", "415"]
        yield schema, server.url + served.BASE


@pytest.mark.parametrize("label", [f"{method.upper()} {path}" for path, method, _ in operations()])
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_the_server_stands_up_to_its_own_document(fuzzed, label, mode):
    from hypothesis import HealthCheck, given, seed, settings
    from schemathesis import GenerationMode

    schema, url = fuzzed
    method, _, path = label.partition(" ")
    operation = schema[path][method]
    seen = []

    @seed(1)
    @settings(
        max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(GenerationMode(mode)))
    def fuzz(case):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        seen.append(case.call_and_validate(base_url=url, headers=headers).status_code)

    fuzz()
    assert seen
