"""Checks of Redis, the gateway's port, and a running server."""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import httpx

from backend.cli.diagnostics.finding import NETWORK_TIMEOUT_S, Finding, run_program
from backend.errors import SetupError
from backend.local.certificate_problems import certificate_problem
from backend.local.discovery import Server, UntrustedServerError, find_server, http_url
from backend.local.processes import redis_binary
from backend.service.address import connect_host, join_host_port, without_secrets
from backend.service.http_clients import http_client
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS


def check_redis() -> Finding:
    """Check the Redis at REDIS_URL, or without it the program for a private Redis."""
    if url := os.environ.get("REDIS_URL"):
        address = without_secrets(url)
        try:
            version = asyncio.run(_redis_version(url))
        except (*REDIS_ERRORS, SetupError) as error:
            found = f"{address}: {error or 'no answer'}"
            return Finding("Redis", False, found, "start it, or correct REDIS_URL", essential=True)
        return Finding("Redis", True, f"{version} at {address}", essential=True)
    try:
        binary = redis_binary()
    except SetupError as error:
        return Finding("Redis", False, "not installed", error.message, essential=True)
    ok, output = run_program(binary, "--version")
    advice = "" if ok else "install valkey-server or redis-server 7 or later"
    return Finding("Redis", ok, f"{output} ({binary})", advice, essential=True)


async def _redis_version(url: str) -> str:
    async with aclosing(client(url)) as redis, asyncio.timeout(NETWORK_TIMEOUT_S):
        return str((await redis.info("server"))["redis_version"])


def check_port(host: str, port: int) -> Finding:
    """Check that a gateway can listen on the port, or already does."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if _health(find_server(gateway_url(host, port)), "/health") is not None:
                return Finding("port", True, f"{port} is used by a running Nova Voice", essential=True)
            reason = error.strerror or str(error)
            return Finding("port", False, f"{host}:{port}: {reason}", "choose another with --port", essential=True)
    return Finding("port", True, f"{port} is free", essential=True)


def gateway_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a gateway that listens on an address."""
    return f"http://{join_host_port(connect_host(host), port)}"


def check_server(server: Server) -> Finding:
    """Check the health of a running server."""
    url = http_url(server.url, "")
    try:
        health = _health(server, "/health/full")
    except UntrustedServerError as error:
        return Finding("server", False, error.message)
    if health is None:
        if _health(server, "/health") is not None:
            return Finding("server", None, f"{url} is running; it requires an API key", "use `nova status --key`")
        return Finding("server", None, "not running; `nova up` starts one")
    workers = ", ".join(_describe_worker(worker) for worker in health["workers"])
    if health["status"] == "healthy":
        return Finding("server", True, f"{url}: {workers}")
    found = f"{url}: {health['status']}; {workers or 'no workers'}"
    return Finding("server", False, found, "; ".join(health["reasons"]))


def _describe_worker(worker: Mapping[str, object]) -> str:
    """Describe a process by its heartbeat. Gateways have no model."""
    model = f": {worker['model']} on {worker.get('device')}" if "model" in worker else ""
    return f"{worker.get('kind')}{model}"


def _health(server: Server, path: str) -> dict[str, Any] | None:
    """The answer of a gateway's health endpoint, or None if no gateway answers. Raises UntrustedServerError."""
    url, headers = http_url(server.url, path), {"Authorization": f"Bearer {server.key}"} if server.key else {}
    try:
        with http_client(url, tls=server.tls, headers=headers, timeout=NETWORK_TIMEOUT_S) as http:
            answer = http.get(url).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, SetupError) as error:
        if problem := certificate_problem(url, error):
            raise UntrustedServerError(problem) from None
        return None
    return answer if isinstance(answer, dict) and "status" in answer and "version" in answer else None
