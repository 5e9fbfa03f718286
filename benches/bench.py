"""Measures Doorward's functions beside others, and writes what came out into BENCHMARKS.md: `just bench`."""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import load
import measure
from routes import ROUTES, World
from store import Store
from subjects import HERE, PROJECT, TOOLS, Cast, install

RESULTS = PROJECT / "target" / "benches" / "results.json"


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=Path, default=PROJECT / "target" / "lambda", help="built by sam or cargo lambda")
    parser.add_argument("--benches", type=Path, default=PROJECT / "target" / "lambda", help="what they stand beside")
    parser.add_argument("--program", type=Path, default=PROJECT / "target" / "release" / "doorward")
    parser.add_argument("--rounds", type=int, default=15, help="how often everybody has their turn")
    parser.add_argument("--calls", type=int, default=10_000, help="in which memory may not grow")
    parser.add_argument("--seconds", type=int, default=4, help="of load for each number of clients")
    parser.add_argument("--users", type=int, default=1_000, help="of the store that must cost no more than an empty one")
    parser.add_argument("--only", nargs="*", help="some of the measurements; the others stay as they were")
    wanted = parser.parse_args()
    for name in ("functions", "benches", "program"):
        setattr(wanted, name, getattr(wanted, name).resolve())
    return wanted


# More calls than a turn has, of nearly all.
MANY = 200


class Bench:
    """The measurements, by the names that `--only` takes."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.folder = PROJECT / "target" / "benches"
        shutil.rmtree(self.folder / "stores", ignore_errors=True)
        logs = self.folder / "logs"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        algorithms = ["RS256", "ES256"]
        self.stores = {name: Store(wanted.program, self.folder / "stores" / name, name) for name in algorithms}
        self.worlds = {name: World(store) for name, store in self.stores.items()}
        self.cast = Cast(wanted.functions, wanted.benches, self.worlds, logs)

    def stop(self):
        for store in self.stores.values():
            store.stop()

    def cold(self):
        cast = self.cast
        starts = {
            "empty function": cast.empty,
            "one GetItem": cast.get_item,
            "Doorward: GET /users/me": lambda: cast.doorward("GET /users/me"),
            "Doorward: POST /token/refresh": lambda: cast.doorward("POST /token/refresh"),
            "Doorward: POST /token": lambda: cast.doorward("POST /token"),
            "OpenAuth: refresh": cast.openauth,
            "FastAPI, dict: GET /users/me": lambda: cast.fastapi("me", store="dict"),
            "FastAPI, DynamoDB: GET /users/me": lambda: cast.fastapi("me"),
        }
        return measure.cold(starts, self.wanted.rounds)

    def warm(self):
        cast = self.cast
        starts = {
            "empty function": cast.empty,
            "one GetItem": cast.get_item,
            "Doorward: GET /users/me": lambda: cast.doorward("GET /users/me"),
            "FastAPI, dict: GET /users/me": lambda: cast.fastapi("me", store="dict"),
            "FastAPI, DynamoDB: GET /users/me": lambda: cast.fastapi("me"),
            "bare RS256 signature": lambda: cast.bare("rs256"),
            "bare ES256 signature": lambda: cast.bare("es256"),
            "Doorward, RS256: refresh": lambda: cast.doorward("POST /token/refresh"),
            "Doorward, ES256: refresh": lambda: cast.doorward("POST /token/refresh", "ES256"),
            "OpenAuth, ES256: refresh": cast.openauth,
            "bare Argon2id hash": lambda: cast.bare("hash"),
            "libargon2 in C": cast.libargon2,
            "Doorward, RS256: POST /token": lambda: cast.doorward("POST /token"),
            "Doorward, ES256: POST /token": lambda: cast.doorward("POST /token", "ES256"),
            "FastAPI, DynamoDB, Argon2: POST /token": lambda: cast.fastapi("token", hash="argon2"),
            "FastAPI, DynamoDB, bcrypt: POST /token": lambda: cast.fastapi("token"),
        }
        return measure.warm({name: (start, MANY) for name, start in starts.items()}, self.wanted.rounds)

    def routes(self):
        """Every route by itself, fewer times: whether any of them is dear."""
        starts = {
            route.name: (lambda route=route: self.cast.doorward(route.name), route.calls) for route in ROUTES
        }
        beside = {
            "bare RS256 signature": (lambda: self.cast.bare("rs256"), MANY),
            "bare Argon2id hash": (lambda: self.cast.bare("hash"), MANY),
        }
        return measure.warm(starts | beside, max(3, self.wanted.rounds // 3))

    def memory(self):
        cast = self.cast
        # Beside the routes of everybody, the ones of a function that needs the most; a hash takes as long as 25 calls.
        starts = {
            "users: GET /users/me": (lambda: cast.doorward("GET /users/me"), 1),
            "refresh: POST /token/refresh": (lambda: cast.doorward("POST /token/refresh"), 1),
            "token: POST /oauth2/token, client": (lambda: cast.doorward("POST /oauth2/token, client"), 1),
            "token: POST /token": (lambda: cast.doorward("POST /token"), 20),
            "FastAPI, DynamoDB: GET /users/me": (lambda: cast.fastapi("me"), 10),
            "OpenAuth: refresh": (cast.openauth, 10),
        }
        return measure.memory(starts, self.wanted.calls)

    def calls(self):
        dynamodb = self.stores["RS256"].dynamodb
        return {"rows": measure.consumed(self.cast, dynamodb) | measure.consumed_by_peers(self.cast, dynamodb)}

    def grown(self):
        """The calls once more, on a store with many users: the last, because everybody else measures on a small one."""
        store = self.stores["RS256"]
        measure.grow(store, self.wanted.users, sessions=10)
        return {"users": self.wanted.users, "rows": measure.consumed(self.cast, store.dynamodb)}

    def load(self):
        store, token = self.stores["RS256"], self.worlds["RS256"].ann
        rows = measure.loaded(load.rising)(store, token, self.wanted.seconds)
        return rows | {"program": self.wanted.program.parent.name}

    def sizes(self):
        return {"rows": measure.sizes(self.wanted.functions)}


MEASUREMENTS = ["sizes", "cold", "warm", "routes", "calls", "memory", "load", "grown"]


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return {
        "processor": f"{os.cpu_count()} × {model} ({platform.machine()})",
        "memory": f"{memory} GiB",
        "system": f"Linux {platform.release().split('-')[0]}",
    }


def main():
    wanted = options()
    install()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    bench = Bench(wanted)
    try:
        for name in wanted.only or MEASUREMENTS:
            print(f"{name} …", flush=True)
            now = datetime.datetime.now(datetime.timezone.utc)
            results[name] = getattr(bench, name)() | {"date": now.date().isoformat()}
            results["machine"] = machine()
            RESULTS.write_text(json.dumps(results, indent=1))
    finally:
        bench.stop()
    subprocess.run([TOOLS / "report" / "bin" / "python", "-B", HERE / "report.py", RESULTS], check=True)


if __name__ == "__main__":
    sys.exit(main())
