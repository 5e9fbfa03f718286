"""What it costs on AWS, computed from what was measured and the list prices."""

import math

# List prices in us-east-1, in dollars, as of November 2026, without the free tiers of Lambda, DynamoDB and CloudWatch.
# aws.amazon.com/lambda/pricing, /api-gateway/pricing, /dynamodb/pricing/on-demand, /cloudwatch/pricing, /kms/pricing
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = {"arm64": 0.0000133334, "x86-64": 0.0000166667}
HTTP_API_REQUEST = 1.00e-6
READ_UNIT, WRITE_UNIT = 0.125e-6, 0.625e-6
LOG_BYTE = 0.50 / 1e9
KMS_KEY, ALARM = 1.00, 0.10
# aws.amazon.com/cognito/pricing: a month's user, and how many are free.
COGNITO = {"Lite": (0.0055, 10_000), "Essentials": (0.015, 10_000), "Plus": (0.020, 0)}

# So much memory is one processor, and less so much less of one.
ONE_PROCESSOR = 1769
MEMORY = [128, 256, 512, 1024, 1769]
# What a round trip to DynamoDB takes in the same region: an assumption, in milliseconds.
ROUND_TRIP = 4
# What Lambda itself writes into the log for each request: START, END and REPORT.
LAMBDA_LOG = 350
ALARMS = 6

# The measured row and the counted row of each, how often it waits for DynamoDB, and the memory that template.yaml gives.
ACTS = {
    "login": ("Doorward, RS256: POST /token", "POST /token", "token: POST /token", 2, 1769),
    "refresh": ("Doorward, RS256: refresh", "POST /token/refresh", "refresh: POST /token/refresh", 1, 256),
    "check": ("Doorward: GET /users/me", "GET /users/me", "users: GET /users/me", 1, 256),
}
# What a user does in a month: a login a week, and four hours of use a day at a refresh and two checked requests an hour.
MONTH = {"login": 4, "refresh": 120, "check": 240}


def duration(results, act, memory):
    """Milliseconds as Lambda bills them."""
    measured, _, _, waits, _ = ACTS[act]
    cpu = results["warm"]["rows"][measured]["cpu"]["median"]
    return math.ceil(cpu / min(1, memory / ONE_PROCESSOR) + waits * ROUND_TRIP)


def per_million(results, act, memory, architecture="arm64"):
    """Dollars for a million, by what they are for."""
    _, counted, logged, _, _ = ACTS[act]
    calls = results["calls"]["rows"][counted]
    bytes_logged = results["memory"]["rows"][logged]["log"] + LAMBDA_LOG
    gigabyte_seconds = memory / 1024 * duration(results, act, memory) / 1000
    one = {
        "API Gateway": HTTP_API_REQUEST,
        "Lambda, requests": LAMBDA_REQUEST,
        "Lambda, time": gigabyte_seconds * LAMBDA_GB_SECOND[architecture],
        "DynamoDB": calls["read"] * READ_UNIT + calls["written"] * WRITE_UNIT,
        "logs": bytes_logged * LOG_BYTE,
    }
    return {name: price * 1e6 for name, price in one.items()}


def month(results, users):
    """Dollars a month for so many users: Doorward's, with the checks of their requests and without, and Cognito's."""
    each = {act: sum(per_million(results, act, row[4]).values()) / 1e6 for act, row in ACTS.items()}
    fixed = KMS_KEY + ALARMS * ALARM
    bare = fixed + users * sum(each[act] * MONTH[act] for act in ("login", "refresh"))
    return {
        "Doorward": bare,
        "Doorward, every request checked": bare + users * each["check"] * MONTH["check"],
    } | {f"Cognito {tier}": max(0, users - free) * price for tier, (price, free) in COGNITO.items()}


def break_even(results, tier):
    """From how many users a month on Doorward costs less than that tier of Cognito."""
    user = sum(sum(per_million(results, act, row[4]).values()) / 1e6 * MONTH[act] for act, row in ACTS.items())
    price, free = COGNITO[tier]
    # KMS_KEY + ALARMS * ALARM + users * user = (users - free) * price
    return math.ceil((KMS_KEY + ALARMS * ALARM + free * price) / (price - user))


def refreshes_for(results, tier):
    """How many refreshes cost as much as a user of that tier of Cognito."""
    return int(COGNITO[tier][0] / (sum(per_million(results, "refresh", ACTS["refresh"][4]).values()) / 1e6))


def at_rate(results, act, rate):
    """What so many a second need: milliseconds, instances at once, units read and written, megabytes of logs, dollars an hour."""
    *_, memory = ACTS[act]
    time, calls = duration(results, act, memory), results["calls"]["rows"][ACTS[act][1]]
    log = results["memory"]["rows"][ACTS[act][2]]["log"] + LAMBDA_LOG
    hour = sum(per_million(results, act, memory).values()) / 1e6 * rate * 3600
    return time, math.ceil(rate * time / 1000), calls["read"] * rate, calls["written"] * rate, log * rate / 1e6, hour
