"""A function as Lambda runs it: a process of its own that asks the Runtime API for events.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import select
import signal
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

# Lambda's system has the certificates that it trusts in one file, others in a folder besides, which takes longer to read.
CERTIFICATES = next(filter(os.path.exists, ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"]), None)
# Whoever does not answer within this many seconds never will.
PATIENCE = 60


@dataclass(frozen=True)
class Call:
    """One invocation. Times are nanoseconds."""

    status: int
    headers: dict
    body: str
    wall: int

    def json(self):
        return json.loads(self.body)


class Failed(Exception):
    """The function did not answer, or answered what nobody asked for."""


class Process:
    """A child whose processor time is read to the nanosecond, with that of threads that have ended."""

    def __init__(self, command, environment, log, folder=None):
        self.log = Path(log)
        write = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        actions = [(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_DUP2, write, 2)]
        command = [str(part) for part in command]
        if folder:
            command = ["/usr/bin/env", f"--chdir={folder}", *command]
        self.started = time.perf_counter_ns()
        self.pid = os.posix_spawnp(command[0], command, environment, file_actions=actions)
        os.close(write)

    def cpu(self):
        # clock_getcpuclockid(3): the clock of another process is its complement, and 2 asks the scheduler.
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def memory(self):
        """Resident memory now and at its highest, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        sizes = {name: value for name, _, value in (line.partition(":") for line in lines)}
        return tuple(int(sizes[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))

    def stop(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Function(Process):
    """A function that runs. `call` gives it an event and waits until it asks for the next one."""

    def __init__(self, name, command, environment, logs, folder=None):
        self.name = name
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections = {}
        self._waiting = None
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self._listener.getsockname()[1],
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "PATH": os.environ["PATH"],
        } | ({"SSL_CERT_FILE": CERTIFICATES} if CERTIFICATES else {})
        super().__init__(command, lambdas | environment, Path(logs) / f"{name}-{uuid.uuid4().hex[:8]}.log", folder)

    def stop(self):
        super().stop()
        for connection in self._connections.values():
            connection.socket.close()
        self._listener.close()

    def call(self, event):
        self.idle()
        connection, self._waiting = self._waiting, None
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {uuid.uuid4()}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + PATIENCE * 1000}\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n"
            f"Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000\r\nContent-Length: {len(event)}\r\n\r\n"
        )
        sent = time.perf_counter_ns()
        connection.socket.sendall(head.encode() + event)
        answer = self._answer()
        wall = time.perf_counter_ns() - sent
        return Call(answer.get("statusCode", 0), answer.get("headers", {}), answer.get("body", ""), wall)

    def first_call(self, event):
        """The first call, with the time from the start of the process to its answer, and the processor time until then."""
        call = self.call(event)
        return call, time.perf_counter_ns() - self.started, self.cpu()

    def idle(self):
        """Waits until the function asks for an event: what the last one cost is spent by then."""
        while self._waiting is None:
            self._one_request()

    def _answer(self):
        while True:
            path, body = self._one_request()
            if path.endswith("/response"):
                return json.loads(body) or {}
            if path.endswith("/error"):
                raise Failed(f"{self.name}: {body.decode()}")

    def _one_request(self):
        """Serves one request of the function: its path and its body."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for connection in self._connections.values():
                request = connection.request()
                if request is None:
                    continue
                path, body = request
                if path.endswith("/next"):
                    self._waiting = connection
                else:
                    connection.socket.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                return path, body
            ready, _, _ = select.select([self._listener, *self._connections], [], [], 1)
            for readable in ready:
                if readable is self._listener:
                    accepted, _ = self._listener.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._connections[accepted] = Connection(accepted)
                elif not self._connections[readable].read():
                    del self._connections[readable]
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                raise Failed(f"{self.name} ended: {self.log.read_text()[-2000:]}")
        raise Failed(f"{self.name} does not answer: {self.log.read_text()[-2000:]}")


class Connection:
    """A connection of the function to the Runtime API, and what of its requests is read."""

    def __init__(self, accepted):
        self.socket = accepted
        self._bytes = b""

    def read(self):
        read = self.socket.recv(1 << 20)
        self._bytes += read
        return bool(read)

    def request(self):
        """The path and the body of the next request, when it is there whole."""
        head, end, rest = self._bytes.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect") == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._bytes = self._bytes.replace(b"100-continue", b"-", 1)
        if headers.get("transfer-encoding") == "chunked":
            whole = unchunked(rest)
        else:
            length = int(headers.get("content-length", 0))
            whole = (rest[:length], rest[length:]) if len(rest) >= length else None
        if whole is None:
            return None
        body, self._bytes = whole
        return first.split()[1], body


def unchunked(rest):
    """A chunked body and what comes after it, when it is there whole (RFC 9112 §7.1)."""
    body = b""
    while True:
        size, end, rest = rest.partition(b"\r\n")
        length = int(size.split(b";")[0], 16) if end else 0
        if not end or len(rest) < length + 2:
            return None
        body, rest = body + rest[:length], rest[length + 2 :]
        if length == 0:
            return body, rest
