# The menu of this repository: `just` lists it. CI runs `just ci` and nothing else.

# Lists the recipes.
default:
    @just --list

# Everything CI checks.
ci: fmt-check lint test

# Unit, property, simulation and command-line tests.
test:
    cargo test --workspace

# Warnings are errors.
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

fmt:
    cargo fmt --all

fmt-check:
    cargo fmt --all --check

# A network on http://127.0.0.1:8545, such as `just dev --ephemeral --validators 4`.
dev *args:
    cargo run --release --bin trellis -- dev {{args}}

# The deterministic simulation with another seed, such as `just sim 7 --scenario crash` or `just sim 1 --seeds 100`.
sim seed *args:
    cargo run -p trellis-simulation --bin sim -- {{seed}} {{args}}

# Every order in which the scheduler's threads can meet, as far as a model checker explores them.
loom:
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p trellis-stm --lib --release loom

# How fast blocks execute, such as `just bench-exec --blocks DIR --threads 1,2`.
bench-exec *args:
    cargo run --release --bin trellis -- bench exec {{args}}

# Loads the network that is running, such as `just bench-load --light`.
bench-load *args:
    cargo run --release --bin trellis -- bench load {{args}}

# viem, ethers, cast and raw JSON-RPC against a fresh network; `just clients logs` runs some of the files.
clients *args:
    cargo build --release --bin trellis
    cd tests/clients && npm ci && TRELLIS_BIN="{{justfile_directory()}}/target/release/trellis" npm test -- {{args}}

# The light client for a browser, and Node checking the vectors with it. Takes clang and llvm-ar.
light-wasm:
    rustup target add wasm32-unknown-unknown
    CC_wasm32_unknown_unknown="${CLANG:-clang}" AR_wasm32_unknown_unknown="${LLVM_AR:-llvm-ar}" \
        cargo build --release -p trellis-light-wasm --target wasm32-unknown-unknown --target-dir target/light-wasm
    TRELLIS_LIGHT_WASM=target/light-wasm/wasm32-unknown-unknown/release/trellis_light_wasm.wasm \
        node --test crates/light-wasm/test.mjs

# Private payments for a browser: Node proves one with it, and the proof is checked without WebAssembly. Takes clang and llvm-ar.
payments-wasm:
    rustup target add wasm32-unknown-unknown
    CC_wasm32_unknown_unknown="${CLANG:-clang}" AR_wasm32_unknown_unknown="${LLVM_AR:-llvm-ar}" \
        cargo build --release -p trellis-payments-wasm --target wasm32-unknown-unknown --target-dir target/payments-wasm
    TRELLIS_PAYMENTS_WASM=target/payments-wasm/wasm32-unknown-unknown/release/trellis_payments_wasm.wasm \
        TRELLIS_TRANSFER=target/payments-wasm/transfer.hex node --test crates/payments-wasm/test.mjs
    TRELLIS_TRANSFER={{justfile_directory()}}/target/payments-wasm/transfer.hex \
        cargo test --release -p trellis-payments-wasm -- --ignored what_node_proved_is_right

# A decoder against bytes of strangers, such as `just fuzz evidence 60`; fuzz/README.md lists the targets.
fuzz target seconds="60" *args:
    fuzz/run {{target}} {{seconds}} {{args}}
