"""Writes measured results into BENCHMARKS.md: tables between its markers, and plots beside it."""

import json
import sys
from pathlib import Path

import costs
from routes import BY_NAME

PROJECT = Path(__file__).resolve().parent.parent
PAGE, PLOTS = PROJECT / "BENCHMARKS.md", PROJECT / "docs" / "benchmarks"
OURS, OTHERS, FLOOR = "#2f6f9f", "#b8b8b8", "#e0c070"


def table(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def figure(value):
    """Three figures, and no more digits than they are worth."""
    if value >= 100:
        return spaced(round(value))
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def spaced(count):
    return f"{count:,}".replace(",", " ")


# Memory is counted as Lambda and Linux count it.
MEGABYTE = 2**20


def megabytes(count):
    return f"{count / MEGABYTE:.1f}"


def dollars(value):
    return f"${value:,.2f}" if value < 1000 else f"${value:,.0f}"


class Report:
    """One method for each block of the page."""

    def __init__(self, results):
        self.results = results

    def rows(self, name):
        return self.results[name]["rows"]

    def cpu(self, name, measurement="warm"):
        return self.rows(measurement)[name]["cpu"]["median"]

    def machine(self):
        machine = self.results["machine"]
        loads = [load for name in ("cold", "warm", "routes") for load in self.results[name]["load"]]
        dates = sorted({self.results[name]["date"] for name in self.results if name != "machine"})
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        return (
            f"Measured on {when}: {machine['processor']}, {machine['memory']}, {machine['system']}. "
            f"Other work ran on it meanwhile; the load was {min(loads):.1f} to {max(loads):.1f}."
        )

    def _times(self, measurement):
        rows = []
        for name, row in self.rows(measurement).items():
            cpu, wall = row["cpu"], row["wall"]
            between = f"{figure(cpu['low'])} to {figure(cpu['high'])}"
            rows.append([name, figure(cpu["median"]), between, figure(wall["median"])])
        return rows

    def cold(self):
        header = ["from the start of the process to its first answer", "CPU, ms", "quartiles", "time, ms"]
        return table(header, self._times("cold"))

    def warm(self):
        return table(["one call", "CPU, ms", "quartiles", "time, ms"], self._times("warm"))

    def routes(self):
        """Every route, with what is left of it without the cryptography that it is for."""
        signing, rows = self.cpu("bare RS256 signature", "routes"), []
        for name, row in self.rows("routes").items():
            if name not in BY_NAME:
                continue
            route, cpu = BY_NAME[name], row["cpu"]["median"]
            # Beside a hash the rest is less than the hash's own noise.
            rest = "" if route.hashes else figure(cpu - route.signs * signing)
            calls = self.rows("calls")[name]
            names = ", ".join(f"{calls['calls'].count(call)} {call}" for call in sorted(set(calls["calls"])))
            units = f"{calls['read']:g} / {calls['written']:g}"
            rows.append([f"`{name}`", figure(cpu), rest, names or "none", units])
        header = ["route", "CPU, ms", "without the signature", "calls of DynamoDB", "units read / written"]
        return table(header, rows)

    def grown(self):
        """Whether a store with many users costs more."""
        small, large = self.rows("calls"), self.rows("grown")
        other = [name for name in large if large[name]["calls"] != small[name]["calls"]]
        dearer = [name for name in large if large[name] != small[name] and name not in other]
        users = spaced(self.results["grown"]["users"])
        said = f"With {users} users of ten sessions each, every route makes the same calls"
        said += " but for " + ", ".join(f"`{name}`" for name in other) if other else ""
        if not dearer:
            return said + ", for the same units."
        return said + ", for the same units but for " + ", ".join(f"`{name}`" for name in dearer) + ", whose page is fuller."

    def memory(self):
        rows = [
            [name, row["calls"], *(megabytes(row[when]) for when in ("early", "half", "late", "highest"))]
            for name, row in self.rows("memory").items()
        ]
        return table(["resident memory, MB", "calls", "after 100", "after half", "at the end", "highest"], rows)

    def sizes(self):
        return table(
            ["function", "zipped, MB"], [[f"`{name}`", f"{size / 1e6:.2f}"] for name, size in self.rows("sizes").items()]
        )

    def aims(self):
        """What was aimed at, and whether it is reached."""
        cold, warm, memory = (lambda name: self.cpu(name, "cold")), self.cpu, self.rows("memory")
        empty, item = warm("empty function"), warm("one GetItem")
        me, hashed, signed = warm("Doorward: GET /users/me"), warm("bare Argon2id hash"), warm("bare RS256 signature")
        token, refresh = warm("Doorward, RS256: POST /token"), warm("Doorward, RS256: refresh")
        es256 = warm("Doorward, ES256: refresh")
        fastapi, openauth = warm("FastAPI, DynamoDB: GET /users/me"), warm("OpenAuth, ES256: refresh")
        first = cold("Doorward: GET /users/me")
        routes = {name: self._without_cryptography(name) for name in BY_NAME}
        dearest = max(routes, key=routes.get)
        largest = max(self.rows("sizes").values())
        least = min(self.rows("sizes").values())
        growth = max(row["late"] / row["half"] - 1 for name, row in memory.items() if name.split(":")[0] in self.rows("sizes"))
        calls = len(self.rows("calls")["POST /token"]["calls"])
        store = item - empty
        mine = ["users: GET /users/me", "refresh: POST /token/refresh"]
        aims = [
            ("cold `/users/me` against FastAPI with DynamoDB", "≤ 1/40", cold("FastAPI, DynamoDB: GET /users/me") / first, 40, "1/"),
            ("cold `/users/me` against FastAPI with a dict, without a store", "≤ 1/40", cold("FastAPI, dict: GET /users/me") / first, 40, "1/"),
            ("cold `/users/me` against one GetItem", "≤ 1.2", first / cold("one GetItem"), 1.2, "×"),
            ("warm `/users/me` against FastAPI with DynamoDB", "≤ 1/7", fastapi / me, 7, "1/"),
            ("warm `/users/me` against FastAPI with a dict, without a store", "≤ 1", me / warm("FastAPI, dict: GET /users/me"), 1, "×"),
            ("warm `/users/me` against one GetItem", "≤ 1.2", me / item, 1.2, "×"),
            ("`/token` without hash and signature, a call of the store", "≤ 0.45 ms", (token - hashed - signed) / calls, 0.45, "ms"),
            ("`/token` with all it does against libargon2's hash alone", "< 1", token / warm("libargon2 in C"), 1, "×"),
            ("refresh, ES256 as OpenAuth's, against OpenAuth", "≤ 1/6", openauth / es256, 6, "1/"),
            ("refresh, RS256, against OpenAuth", "≤ 1/6", openauth / refresh, 6, "1/"),
            ("refresh against an empty function, two calls and a signature", "≤ 1.2", refresh / (empty + 2 * store + signed), 1.2, "×"),
            (f"the dearest route without a hash (`{dearest}`), besides its signature", "≤ 1 ms", routes[dearest], 1, "ms"),
            ("memory of `users` and `refresh`", "≤ 14 MB", max(memory[name]["highest"] for name in mine) / MEGABYTE, 14, "MB"),
            ("memory of `token`", "≤ 30 MB", memory["token: POST /token"]["highest"] / MEGABYTE, 30, "MB"),
            ("growth of memory in the second half of the calls", "≤ 1 %", 100 * growth, 1, "%"),
            (f"zipped function (the smallest has {least / 1e6:.1f} MB)", "≤ 4 MB", largest / 1e6, 4, "MB"),
        ]  # fmt: skip
        rows = []
        for what, aim, value, bound, unit in aims:
            reached = value >= bound if unit == "1/" else value <= bound
            shown = f"1/{value:.1f}" if unit == "1/" else f"{figure(max(0, value))} {unit}"
            rows.append([what, aim, shown, "yes" if reached else "**no**"])
        return table(["", "aim", "measured", "reached"], rows)

    def _without_cryptography(self, name):
        route = BY_NAME[name]
        return 0 if route.hashes else self.cpu(name, "routes") - route.signs * self.cpu("bare RS256 signature", "routes")

    def million(self):
        rows = []
        for memory in costs.MEMORY:
            row = [f"{memory} MB"]
            for act in costs.ACTS:
                total = sum(costs.per_million(self.results, act, memory).values())
                row += [f"{costs.duration(self.results, act, memory)} ms", dollars(total)]
            rows.append(row)
        header = ["memory"] + [cell for act in costs.ACTS for cell in (act, "a million")]
        return table(header, rows)

    def million_parts(self):
        rows = []
        for act, (*_, memory) in costs.ACTS.items():
            parts = costs.per_million(self.results, act, memory)
            x86 = sum(costs.per_million(self.results, act, memory, "x86-64").values())
            cells = [dollars(part) for part in parts.values()]
            rows.append([f"{act}, {memory} MB", *cells, dollars(sum(parts.values())), dollars(x86)])
        parts = costs.per_million(self.results, "check", 256)
        return table(["a million, arm64", *parts, "together", "on x86-64"], rows)

    def month(self):
        months = {users: costs.month(self.results, users) for users in (10_000, 50_000, 100_000, 500_000, 1_000_000)}
        rows = [[spaced(users), *map(dollars, month.values())] for users, month in months.items()]
        return table(["users a month", *next(iter(months.values()))], rows)

    def break_even(self):
        lite, essentials = (spaced(costs.break_even(self.results, tier)) for tier in ("Lite", "Essentials"))
        refreshes = spaced(costs.refreshes_for(self.results, "Lite"))
        return (
            f"Up to {lite} users a month Cognito Lite costs less, and up to {essentials} Cognito Essentials, because the first "
            "10 000 are free. Beyond that Doorward costs less than every tier, with every request checked; a user who refreshes "
            f"more than {refreshes} times a month is cheaper with Lite at any number."
        )

    def ten_thousand(self):
        rows = []
        for act, (*_, memory) in costs.ACTS.items():
            time, instances, read, written, log, hour = costs.at_rate(self.results, act, 10_000)
            units = f"{spaced(int(read))} / {spaced(int(written))}"
            rows.append([f"{act}, {memory} MB", f"{time} ms", instances, units, f"{log:.0f} MB", dollars(hour)])
        header = ["10 000 a second", "takes", "instances", "units read / written a second", "logs a second", "an hour"]
        return table(header, rows)

    def load(self):
        rows = [
            [f"`{row['route']}`", row["clients"]]
            + [figure(row[what]) for what in ("rate", "p50", "p99", "cpu")]
            + [f"{row['busy']:.1f}", row["refused"]]
            for row in self.rows("load")
        ]
        header = ["route", "clients", "answers a second", "p50, ms", "p99, ms", "server's CPU, ms an answer", "processors", "503"]
        return f"The local server, {self.results['load']['program']} build:\n\n" + table(header, rows)


def plot(results):
    import matplotlib

    matplotlib.use("svg")
    # The same figures make the same file; text stays text.
    matplotlib.rcParams |= {"svg.hashsalt": "doorward", "svg.fonttype": "none", "font.size": 10}
    from matplotlib import pyplot

    PLOTS.mkdir(parents=True, exist_ok=True)
    for measurement, title in [
        ("cold", "Cold start: CPU from the start of the process to its first answer, ms, logarithmic"),
        ("warm", "One warm call: CPU, ms, logarithmic"),
    ]:
        rows = results[measurement]["rows"]
        names = list(rows)[::-1]
        middle = [rows[name]["cpu"]["median"] for name in names]
        low = [value - rows[name]["cpu"]["low"] for name, value in zip(names, middle)]
        high = [rows[name]["cpu"]["high"] - value for name, value in zip(names, middle)]
        colours = [OURS if name.startswith("Doorward") else OTHERS if ":" in name else FLOOR for name in names]
        picture, axes = pyplot.subplots(figsize=(9, 0.38 * len(names) + 1.2), layout="constrained")
        axes.barh(names, middle, xerr=[low, high], color=colours, error_kw={"lw": 1, "ecolor": "#404040"})
        for place, value in enumerate(middle):
            end = (value + high[place], place)
            axes.annotate(figure(value), end, xytext=(5, 0), textcoords="offset points", va="center")
        axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.set_title(title, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        picture.savefig(PLOTS / f"{measurement}.svg", metadata={"Date": None})
        pyplot.close(picture)


def write(results):
    report, page = Report(results), PAGE.read_text()
    for block in [name for name in vars(Report) if not name.startswith("_") and name not in ("rows", "cpu")]:
        start, end = f"<!-- {block} -->\n", f"<!-- /{block} -->"
        before, found, rest = page.partition(start)
        if found:
            page = before + start + getattr(report, block)() + "\n" + end + rest.partition(end)[2]
    PAGE.write_text(page)
    plot(results)


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text()))
