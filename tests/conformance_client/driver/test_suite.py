"""The suite that vgi-rpc has for all implementations."""

from vgi_rpc.conformance._pytest_suite import *  # noqa: F403
