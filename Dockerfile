# The operator's image: two static programs, the operator and the agent that it gives to workers; nothing else. Built on the platform it is for (`docker build --platform ...`).
FROM rust:1.95-bookworm AS build
ARG TARGETARCH
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools && rm -rf /var/lib/apt/lists/*
# ring has C and assembler in it, which must be for musl as well.
ENV CC_x86_64_unknown_linux_musl=musl-gcc CC_aarch64_unknown_linux_musl=musl-gcc
WORKDIR /src
COPY . .
# TARGETARCH is unknown to builders older than BuildKit: then it is the machine's.
RUN case "${TARGETARCH:-$(uname -m)}" in \
      amd64 | x86_64) target=x86_64-unknown-linux-musl ;; \
      arm64 | aarch64) target=aarch64-unknown-linux-musl ;; \
      *) echo "no target for ${TARGETARCH}" >&2; exit 1 ;; \
    esac \
    && rustup target add "$target" \
    && cargo build --release --locked -p dask-operator -p dask-agent --target "$target" \
    && cp "target/$target/release/dask-operator" "target/$target/release/dask-agent" /

FROM scratch
COPY --from=build /dask-operator /dask-agent /
USER 65532:65532
ENTRYPOINT ["/dask-operator"]
