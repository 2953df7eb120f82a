# Build stage: compiles with all dependencies. No package needs an install script: better-sqlite3 brings its binary
# along, and the npm package `node` (which puts a right Node into npm scripts on other machines) is not needed here.
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY bin ./bin
COPY src ./src
COPY panel ./panel
RUN npm run build

FROM node:24-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-trixie-slim
# wget asks /health. tini is process 1: it passes signals on from the first moment, and takes the processes that a
# health check leaves behind when it times out, which Node would not.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini wget \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 1000 -g 1000 -m 0700 /data
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
# Named like the program, so that `docker exec CONTAINER cpamp ...` gives up root as well.
COPY --chmod=0755 contrib/docker-entrypoint.sh /usr/local/bin/cpamp

# glibc keeps what threads have freed for ever larger pieces; these two settings give it back: some 60 MiB less at
# 5,000 records a second (docs/benchmarks.md).
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=65536 \
    USAGE_DATA_DIR=/data
VOLUME /data
EXPOSE 18317
STOPSIGNAL SIGTERM
# /health answers as soon as the port is open. The state of the collection is in /status, and no reason to restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD wget -q -t 1 -T 4 --no-proxy -O /dev/null "http://localhost:$(addr=${HTTP_ADDR:-:18317}; echo "${addr##*:}")/health"

# No USER: the entrypoint starts as root to put the data directory right, and goes on as uid 1000.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/usr/local/bin/cpamp"]
CMD ["serve"]
