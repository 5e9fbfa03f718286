"""Load in a closed loop: so many clients, each of which asks again as soon as it is answered."""

import selectors
import socket
import statistics
import time
from urllib.parse import urlencode, urlsplit

from lambda_function import Process
from store import PASSWORD, Refused

CLIENTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]


class Client:
    """A connection, and the answer that it waits for."""

    def __init__(self, address, request):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def ask(self):
        self._read, self._sent = b"", time.perf_counter()
        self.socket.sendall(self._request)

    def answered(self):
        """How long it took and its status, once the answer is there whole."""
        self._read += self.socket.recv(1 << 16)
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return None
        return time.perf_counter() - self._sent, int(head.split(b" ", 2)[1])


def requests(store, token):
    """A check and a login, as bytes."""
    host = urlsplit(store.api).netloc
    form = urlencode({"username": "ann", "password": PASSWORD})
    return {
        "GET /users/me": f"GET /users/me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n",
        "POST /token": f"POST /token HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n{form}",
    }


def load(store, request, clients, seconds):
    """What comes through, and after how long: answers a second, milliseconds, and the server's processor time for each."""
    address = urlsplit(store.api)
    all_clients = [Client((address.hostname, address.port), request.encode()) for _ in range(clients)]
    with selectors.DefaultSelector() as selector:
        for client in all_clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        for client in all_clients:
            client.ask()
        times, refused, cpu, start = [], 0, Process.cpu(store.server), time.perf_counter()
        # Slow answers are waited for a few times over, so that there is something to count.
        while time.perf_counter() - start < seconds or len(times) < 2 * clients:
            for key, _ in selector.select(1):
                answer = key.data.answered()
                if answer is None:
                    continue
                took, status = answer
                if status == 200:
                    times.append(took * 1e3)
                elif status == 503:
                    refused += 1
                else:
                    raise Refused(f"{status}")
                key.data.ask()
        took, cpu = time.perf_counter() - start, Process.cpu(store.server) - cpu
    for client in all_clients:
        client.socket.close()
    return {
        "clients": clients,
        "refused": refused,
        "rate": len(times) / took,
        "p50": statistics.median(times),
        "p99": statistics.quantiles(times, n=100)[98],
        "cpu": cpu / 1e6 / len(times),
        "busy": cpu / 1e9 / took,
    }


def settle(store):
    """Waits until the server has done what it was asked for by clients who have gone."""
    while True:
        before = Process.cpu(store.server)
        time.sleep(0.25)
        if Process.cpu(store.server) - before < 5e6:
            return


def rising(store, token, seconds):
    """The same with more and more clients, for each route."""
    rows = []
    for route, request in requests(store, token).items():
        for clients in CLIENTS:
            settle(store)
            rows.append({"route": route} | load(store, request, clients, seconds))
    return rows
