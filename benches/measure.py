"""The measurements. Whoever is compared takes turns, so that a busy machine is busy for everybody."""

import io
import os
import statistics
import time
import zipfile

from routes import ROUTES
from store import Meter
from subjects import PROJECT

# Each route has settled by then: connections are open, and Node has compiled what is hot.
WARM_UP = 30
# A turn, in nanoseconds. Whoever comes after others finds the processor's caches full of theirs: that weighs as much for everybody.
TURN = 25e6


def spread(values):
    """The median and the quartiles."""
    ordered = sorted(values)
    low, _, high = statistics.quantiles(ordered, n=4) if len(ordered) > 1 else (ordered[0],) * 3
    return {"median": statistics.median(ordered), "low": low, "high": high, "count": len(ordered)}


def loaded(measure):
    """Says what else the machine did meanwhile, as the load of the last minute before and after."""

    def wrapped(*arguments, **named):
        before = os.getloadavg()[0]
        begun = time.time()
        result = measure(*arguments, **named)
        return {"load": [before, os.getloadavg()[0]], "seconds": time.time() - begun, "rows": result}

    return wrapped


@loaded
def cold(starts, rounds):
    """From the start of a process to its first answer: time, and processor time. `starts` has who starts it by name."""
    walls, cpus = {name: [] for name in starts}, {name: [] for name in starts}
    for turn in range(rounds + 1):
        for name, start in starts.items():
            subject = start()
            wall, cpu = subject.first_call()
            subject.stop()
            # The first turn brings the files into memory.
            if turn:
                walls[name].append(wall / 1e6)
                cpus[name].append(cpu / 1e6)
    return {name: {"wall": spread(walls[name]), "cpu": spread(cpus[name])} for name in starts}


@loaded
def warm(starts, rounds):
    """What a call costs: processor time in milliseconds, a mean of each turn, and the time until the answer.

    `starts` has who starts it and how many calls make a turn at most, by name.
    """
    subjects = {}
    for name, (start, most) in starts.items():
        subject = start()
        times = [subject.call() for _ in range(min(WARM_UP, 6 * most))]
        subjects[name] = subject, min(most, max(2, round(TURN / statistics.median(times))))
    walls, cpus = {name: [] for name in starts}, {name: [] for name in starts}
    for _ in range(rounds):
        for name, (subject, calls) in subjects.items():
            subject.prepare(calls)
            subject.idle()
            before = subject.cpu()
            times = [subject.call() for _ in range(calls)]
            subject.idle()
            cpus[name].append((subject.cpu() - before) / calls / 1e6)
            walls[name].append(statistics.median(times) / 1e6)
    for subject, _ in subjects.values():
        subject.stop()
    return {name: {"wall": spread(walls[name]), "cpu": spread(cpus[name])} for name in starts}


@loaded
def memory(starts, calls):
    """Resident memory in bytes: after the first hundred calls, after all, and at the highest; bytes logged by a call."""
    rows = {}
    for name, (start, part) in starts.items():
        subject, total = start(), calls // part
        for _ in range(min(100, total)):
            subject.call()
        early, logged = subject.memory()[0], subject.log.stat().st_size
        # Half-way, because what a process takes for its work it takes early.
        for _ in range(total // 2 - min(100, total)):
            subject.call()
        half = subject.memory()[0]
        for _ in range(total - total // 2):
            subject.call()
        late, highest = subject.memory()
        each = (subject.log.stat().st_size - logged) / max(1, total - min(100, total))
        rows[name] = {"calls": total, "early": early, "half": half, "late": late, "highest": highest, "log": each}
        subject.stop()
    return rows


def grow(store, users, sessions):
    """Fills the tables: copies of what is there, under other keys, so many users with so many sessions each."""
    for name, count in [("users", users), ("credentials", users), ("sessions", users * sessions)]:
        table = f"doorward-{name}"
        keys = store.keys(table)
        item = store.dynamo("Scan", TableName=table, Limit=1)["Items"][0]
        for start in range(0, count, 25):
            puts = []
            for number in range(start, min(start + 25, count)):
                # The last key is the one that differs; the first one is shared by the sessions of a user.
                other = dict(zip(keys, (f"grown{number // sessions if len(keys) > 1 else number}", f"grown{number}")))
                puts.append({"PutRequest": {"Item": item | {key: {"S": value} for key, value in other.items()}}})
            store.dynamo("BatchWriteItem", RequestItems={table: puts})


def consumed(cast, dynamodb):
    """What each route asks of DynamoDB: calls, and units written and read."""
    meter, rows = Meter(dynamodb), {}
    for route in ROUTES:
        subject = cast.doorward(route.name, endpoint=meter.endpoint)
        # The first call of a process reads the keys too.
        subject.call()
        meter.take()
        subject.call()
        rows[route.name] = meter.take()
        subject.stop()
    meter.stop()
    return rows


def consumed_by_peers(cast, dynamodb):
    """The same of those that Doorward stands beside."""
    meter, rows = Meter(dynamodb), {}
    peers = {
        "FastAPI: GET /users/me": cast.fastapi("me", endpoint=meter.endpoint),
        "FastAPI: POST /token": cast.fastapi("token", endpoint=meter.endpoint),
        "OpenAuth: refresh": cast.openauth(endpoint=meter.endpoint),
    }
    for name, subject in peers.items():
        for _ in range(2):
            subject.call()
        meter.take()
        subject.call()
        rows[name] = meter.take()
        subject.stop()
    meter.stop()
    return rows


def sizes(functions):
    """The functions as they are uploaded: bytes, zipped."""
    zipped = {}
    for name in sorted(folder.name for folder in (PROJECT / "functions").iterdir()):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(functions / name / "bootstrap", "bootstrap")
        zipped[name] = packed.tell()
    return zipped
