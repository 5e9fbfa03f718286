export PATH := justfile_directory() / "target/tools/bin" + ":" + justfile_directory() / "target/tools/venv/bin" + ":" + env("PATH")
export SAM_CLI_TELEMETRY := "0"

# The recipes.
_default:
    @just --list

# What CI runs beside the tests; the first run installs its tools into target/tools
check: fmt clippy spelling template deny

fmt:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

spelling: _tools
    typos

# sam asks for a region even when it asks nobody else
template: _tools
    AWS_DEFAULT_REGION=eu-central-1 sam validate --lint
    cfn-lint template.yaml

deny: _tools
    cargo deny check bans licenses sources

_tools:
    @.ci/tools

test *args:
    cargo test --workspace {{ args }}

# The whole API on http://127.0.0.1:9000
dev *args:
    cargo run -- {{ args }}

# The functions, for arm64; needs cargo-lambda
build: _tools
    sam build

# The stack, asking for what it needs
deploy: build
    sam deploy --guided
