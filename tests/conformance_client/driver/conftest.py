"""The fixtures of vgi-rpc's conformance suite with the client that ``VGI_CLIENT_DRIVER`` names, against vgi-rpc itself.

Tests that need a server this client has no feature for yet, or none that answers over HTTP, are not collected. What came
of the others is written to ``VGI_CLIENT_REPORT`` as JSON: a test that never started the driver has said nothing about
the client.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest
from vgi_rpc.conformance.client_driver import ClientDriver

WORKER = pathlib.Path(__file__).parent.parent / "worker.py"
DRIVER = ClientDriver.from_env()
DRIVER.install_http_overrides()
STICKY = {"enable_sticky": True, "sticky_echo_headers": {"x-vgi-conformance-echo": "conformance-fixed-marker"}}
PEER_KEY = "5f" * 32

started = 0
spawn = ClientDriver.spawn


def counted(self):
    global started
    started += 1
    return spawn(self)


ClientDriver.spawn = counted


@contextlib.contextmanager
def worker(**options):
    command = [sys.executable, str(WORKER), json.dumps(options)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        word, _, port = process.stdout.readline().decode().partition(":")
        assert word == "PORT", f"{command} did not say its port"
        yield int(port)
    finally:
        process.kill()
        process.wait()


def port_fixture(name, scope, options):
    @pytest.fixture(scope=scope, name=name)
    def fixture():
        with worker(**options) as port:
            yield port

    return fixture


CAPS = {"max_response_bytes": 1 << 20, "max_externalized_response_bytes": 1 << 20}
PORTS = {
    "conformance_http_port": ("session", {**STICKY, "drain_endpoint": "/__test_drain__"}),
    "conformance_http_cold_call_cache_port": ("class", {**STICKY, "call_state_cache_entries": 0}),
    "conformance_http_no_compression_port": ("class", {**STICKY, "compression_level": None}),
    "conformance_http_small_request_cap_port": ("class", {**STICKY, "max_request_bytes": 4096}),
    "conformance_http_sticky_auth_port": ("class", {**STICKY, "principal_header": "X-Conformance-Principal"}),
    "conformance_http_sticky_short_ttl_port": ("class", {**STICKY, "sticky_default_ttl": 1}),
    "conformance_http_strict_cap_port": ("class", CAPS),
}
for name, (scope, options) in PORTS.items():
    globals()[name] = port_fixture(name, scope, options)


@pytest.fixture(scope="class")
def conformance_http_sticky_peer_ports():
    with worker(**STICKY, token_key=PEER_KEY) as first, worker(**STICKY, token_key=PEER_KEY) as second:
        yield first, second


@pytest.fixture(params=["http"])
def conformance_conn(conformance_http_port):
    def connect(on_log=None):
        return DRIVER.connect("http", f"http://127.0.0.1:{conformance_http_port}", on_log)

    return connect


@pytest.fixture(scope="session")
def conformance_protocol_connector(conformance_http_port):
    def connect(transport, protocol, on_log=None):
        driver = ClientDriver(DRIVER.command, service=protocol)
        return driver.connect(transport, f"http://127.0.0.1:{conformance_http_port}", on_log)

    return connect


@pytest.fixture(params=["http"])
def conformance_describe(conformance_http_port):
    return DRIVER.http_introspect(f"http://127.0.0.1:{conformance_http_port}")


KNOWN = {*PORTS, "conformance_http_sticky_peer_ports", "conformance_conn", "conformance_protocol_connector"}
KNOWN |= {"conformance_describe"}
outcomes = {}
left_out = {}


def pytest_collection_modifyitems(config, items):
    """Leaves out what asks for a server that is not among these."""
    kept, dropped = [], []
    for item in items:
        wanted = [name for name in item.fixturenames if name.startswith(("conformance_", "proof_"))]
        missing = [name for name in wanted if name not in KNOWN]
        (dropped if missing else kept).append(item)
        for name in missing:
            left_out[name] = left_out.get(name, 0) + 1
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    before = started
    result = yield
    outcomes.setdefault(item.nodeid, {})["driven"] = started > before
    return result


def pytest_runtest_logreport(report):
    outcome = outcomes.setdefault(report.nodeid, {})
    if report.when == "call" or report.outcome != "passed":
        outcome["outcome"] = report.outcome
        outcome["why"] = str(report.longrepr)[-2000:] if report.longrepr else ""


def pytest_sessionfinish():
    report = {"tests": outcomes, "left_out": left_out}
    pathlib.Path(os.environ["VGI_CLIENT_REPORT"]).write_text(json.dumps(report, indent=1))
