"""Serves the conformance service of the installed vgi-rpc, with options for its application given as JSON."""

import json
import socket
import sys

import waitress
from vgi_rpc.conformance import ConformanceService, ConformanceServiceImpl
from vgi_rpc.http import make_wsgi_app
from vgi_rpc.rpc import RpcServer

application = make_wsgi_app(RpcServer(ConformanceService, ConformanceServiceImpl()), **json.loads(sys.argv[1]))
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
print(f"PORT:{listener.getsockname()[1]}", flush=True)
waitress.serve(application, sockets=[listener], _quiet=True)
