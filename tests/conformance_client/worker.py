"""Serves the conformance service of the installed vgi-rpc, with options for its application given as JSON.

Besides those of ``make_wsgi_app``: ``token_key`` in hexadecimal digits, ``principal_header``, which names the caller,
and ``drain_endpoint``, a path that POST and DELETE switch draining on and off at.
"""

import json
import socket
import sys

import waitress
from vgi_rpc.conformance import ConformanceService, ConformanceServiceImpl
from vgi_rpc.http import make_wsgi_app
from vgi_rpc.rpc import AuthContext, RpcServer

options = json.loads(sys.argv[1])
if options.get("token_key"):
    options["token_key"] = bytes.fromhex(options["token_key"])
principal_header = options.pop("principal_header", None)
drain_endpoint = options.pop("drain_endpoint", None)


def authenticate(request):
    principal = request.get_header(principal_header)
    known = principal is not None
    return AuthContext(domain="conformance" if known else None, authenticated=known, principal=principal)


class Drain:
    def __init__(self, handle):
        self.handle = handle

    def on_post(self, request, response):
        self.handle.drain()

    def on_delete(self, request, response):
        # A server in earnest never takes it back, so that its handle has no way to.
        self.handle.shutdown.__self__.set_draining(False)


if principal_header:
    options["authenticate"] = authenticate
hosted = {"enable_describe": True}
try:
    from vgi_rpc.conformance.secondary import conformance_extra_protocols
except ImportError:
    pass
else:
    hosted["extra_protocols"] = conformance_extra_protocols()
application = make_wsgi_app(RpcServer(ConformanceService, ConformanceServiceImpl(), **hosted), **options)
if drain_endpoint:
    from vgi_rpc.http import drain_handle

    application.add_route(drain_endpoint, Drain(drain_handle(application)))

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen()
print(f"PORT:{listener.getsockname()[1]}", flush=True)
waitress.serve(application, sockets=[listener], _quiet=True)
