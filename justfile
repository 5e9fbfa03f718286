export PATH := justfile_directory() / "target/tools/bin" + ":" + justfile_directory() / "target/tools/venv/bin" + ":" + justfile_directory() / "target/tools/ministack/bin" + ":" + env("PATH")
export SAM_CLI_TELEMETRY := "0"

# The recipes.
_default:
    @just --list

# What CI runs beside the tests; the first run installs its tools into target/tools
check: fmt clippy spelling template deny journeys faults clients docs-page schemathesis cloud

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets --features tools -- -D warnings

spelling: _tools
    typos

# The stack, and the stacks of others beside it
template: _tools
    @# sam wants a region even where it calls nobody.
    for template in template.yaml examples/*/template.yaml; do \
        AWS_DEFAULT_REGION=eu-central-1 sam validate --lint --template "$template" && cfn-lint "$template" || exit 1; done

deny: _tools
    cargo deny --workspace check bans licenses sources

# The journey through `cargo lambda watch`, README's first session, the pages under docs, keys sealed by a KMS, commands on a stack, and races on another DynamoDB, on this machine
journeys: _tools
    cargo test --test local --features tools -- watch:: first_session:: pages:: kms:: stack:: histories::

# Throttles, resets, time-outs and lost answers of the store at every request that writes; DOORWARD_LONG_FAULTS=1 tries out every
# fault at every call, and ten thousand refreshes with a lost answer each
faults: _tools
    cargo test --test local --features tools -- faults:: --nocapture

# Client libraries that are not ours, against a server of their own
clients:
    cargo build --quiet
    tests/clients/run target/debug/doorward

# The docs page in a real browser; its picture is target/docs-page.png
docs-page: _tools
    cargo build --quiet
    python3 -B tests/outside/docs_page.py target/docs-page.png

# The service against its own OpenAPI document
schemathesis: _tools
    cargo build --quiet
    python3 -B tests/outside/conformance.py

# Writes functions/metadata/openapi.json anew
openapi:
    cargo run --example openapi

# The functions as they are deployed, for this machine's processor
functions: _tools
    sam build --parameter-overrides Architecture={{ if arch() == "aarch64" { "arm64" } else { arch() } }}

# The stack of these functions on an AWS on this machine: deployed, travelled through, deployed again, deleted; how large they are
cloud: functions
    cargo test --test local --features tools -- --show-output cloud::

# The functions as they are deployed, measured beside others for some minutes: writes BENCHMARKS.md anew
bench *args: functions
    cargo build --release --quiet
    cargo lambda build --release --workspace --bin empty --bin get-item --bin bare
    python3 -B benches/bench.py {{ args }}

_tools:
    @.ci/tools

test *args:
    cargo test --workspace {{ args }}

# Damaged access tokens against the verifier, by the million
mutate times="5000000":
    MUTATIONS={{ times }} cargo test -p doorward-core mutated

# What strangers send, by the million: requests made from the table of routes, wrong in as many things as it comes
hostile times="1000000" seed="1":
    HOSTILE_REQUESTS={{ times }} HOSTILE_SEED={{ seed }} cargo test --profile long --test api hostile:: -- --nocapture

# Whether the time of a refused login tells who there is: a table of medians and differences
enumeration rounds="500":
    ENUMERATION_ROUNDS={{ rounds }} cargo test --profile long --test api enumeration:: -- --nocapture

# Guesses of one password, each from another address
flood addresses="100000":
    FLOOD_ADDRESSES={{ addresses }} cargo test --profile long --test api flood:: -- --nocapture

# Programs that are each wrong in one place, which the tests must notice: the decisions (an hour or two), or the store (a day)
mutants crate="core" *args:
    cargo install --quiet --locked --root target/tools cargo-mutants@27.1.0
    cargo mutants -p doorward-{{ crate }} --output target/mutants-{{ crate }} {{ args }} \
        {{ if crate == "core" { "--test-package doorward-core -- --lib" } else { "--test-package doorward-store --test-package doorward -- --lib --test api --test local" } }}

# Every state of the session protocol's model: three tabs, two refreshes, two losses, a thief, and what ends a session;
# MODEL_LONGEST=1 looks for an hour longer, and takes 15 GB
model:
    MODEL=full cargo test -p doorward-model -- --nocapture --test-threads 1

# Races of sixteen refreshes, so many, a tenth of that without grace, and histories of mixed requests; some on ministack too
histories times="100000": _tools
    HISTORIES={{ times }} cargo test --profile long --test api -- histories:: --nocapture --test-threads 1
    HISTORIES={{ times }} cargo test --test local --features tools -- histories:: --nocapture

# What strangers send, guided by what it reaches: each target of fuzz/ for so many seconds. What it finds stays in target/fuzz
fuzz seconds="60":
    cargo install --quiet --locked --root target/tools cargo-fuzz@0.13.2
    for target in $(cargo fuzz list); do \
        mkdir -p "target/fuzz/$target"; \
        cargo fuzz run --sanitizer none "$target" "target/fuzz/$target" "fuzz/corpus/$target" -- \
            -max_total_time={{ seconds }} -max_len=4096 || exit 1; \
    done

# The whole API on http://127.0.0.1:9000
dev *args:
    cargo run -- {{ args }}

# The functions, for Lambda's arm64
build: _tools
    sam build

# The stack, asking for what it needs
deploy: build
    sam deploy --guided
