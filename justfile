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

template: _tools
    @# sam wants a region even where it calls nobody.
    AWS_DEFAULT_REGION=eu-central-1 sam validate --lint
    cfn-lint template.yaml

deny: _tools
    cargo deny --workspace check bans licenses sources

_tools:
    @.ci/tools

test *args:
    cargo test --workspace {{ args }}

# The whole API on http://127.0.0.1:9000
dev *args:
    cargo run -- {{ args }}

# The functions, for Lambda's arm64
build: _tools
    target/tools/venv/bin/pip install --quiet --disable-pip-version-check cargo-lambda==1.9.2
    sam build

# The stack, asking for what it needs
deploy: build
    sam deploy --guided
