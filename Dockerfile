# One image for every role and verb: `docker build -t penstock .`
#
#   --build-arg VARIANT=cuda   with CUDA 12 and cuDNN 9, for linux/amd64
#
# Both bases are arguments, for those whose images come from a registry of their own. Whatever stands in for BASE_IMAGE
# needs Node.js 20.9 or later and, in the build, npm. scripts/image.sh builds it without a container engine.
#
# An npm registry that needs a configuration of its own: --secret id=npmrc,src=$HOME/.npmrc. It stays in no layer.
ARG BASE_IMAGE=docker.io/library/node:22.22.0-bookworm-slim
ARG CUDA_IMAGE=docker.io/nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04
ARG VARIANT=cpu

# dist/ with the bundle of the workflows. It is the only stage with a compiler.
FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json --sourceMap false --incremental false --tsBuildInfoFile null \
    && node node_modules/typescript/bin/tsc -p src/console/page/tsconfig.json --sourceMap false \
    && node dist/workers/bundle.js \
    && chmod 755 dist/cli/main.js

# What runs, for this platform alone: two packages bring the binaries of all of them along.
FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca,target=/run/secrets/ca \
    npm ci --omit=dev --ignore-scripts
RUN arch=$(node -p process.arch) && triple=$(uname -m)-unknown-linux-gnu \
    && find node_modules/onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 -not -path "*/linux/$arch" -exec rm -r {} + \
    && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 -not -name "$triple" -exec rm -r {} +

# ONNX Runtime's CUDA libraries, by its own install script, from NuGet.
FROM dependencies AS cuda-dependencies
RUN ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js

# The program without dependencies: what it reads at run time lies where it lies in the repository.
FROM ${BASE_IMAGE} AS program
WORKDIR /app
COPY package.json LICENSE ./
COPY models models
COPY schemas schemas
COPY src/console/page/index.html src/console/page/style.css src/console/page/
COPY src/warehouse/migrations src/warehouse/migrations
COPY --from=build /app/dist dist

FROM ${BASE_IMAGE} AS cpu
COPY --from=dependencies /app/node_modules /app/node_modules

FROM ${CUDA_IMAGE} AS cuda
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-dependencies /app/node_modules /app/node_modules
ENV PENSTOCK_EXECUTION_PROVIDER=cuda

FROM ${VARIANT} AS penstock
# Temporal's client takes the certificates of the system, and slim images have none.
RUN [ -e /etc/ssl/certs/ca-certificates.crt ] || { apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }
COPY --from=program /app /app
RUN ln -s /app/dist/cli/main.js /usr/local/bin/penstock
LABEL org.opencontainers.image.title="Penstock" \
      org.opencontainers.image.description="Durable image detection on Temporal, Kafka and ClickHouse" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
# A number, so that Kubernetes can hold runAsNonRoot against it.
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PENSTOCK_HTTP_PORT || 8080) + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# A role takes SIGTERM itself, as PID 1 too. Run it with an init all the same (`init: true` in compose), to reap what a
# detector's child processes may leave behind.
ENTRYPOINT ["penstock"]
CMD ["--help"]
