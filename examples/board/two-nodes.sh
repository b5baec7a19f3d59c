#!/bin/sh
# Runs two nodes of the board over a NATS server on this machine: http://127.0.0.1:8080 and :8081.
# Both open the same SQLite file, which works on one machine and not over a network.
set -eu
cd "$(dirname "$0")"
command -v nats-server >/dev/null || {
    echo 'nats-server 2.12 or later is missing: go install github.com/nats-io/nats-server/v2@latest' >&2
    exit 1
}
folder=$(mktemp -d)
processes=
trap 'kill $processes 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
trap exit INT TERM

cat >"$folder/nats.conf" <<CONF
listen: "127.0.0.1:4222"
jetstream { store_dir: "$folder", sync_interval: always }
CONF
nats-server -c "$folder/nats.conf" &
processes=$!

cargo build --quiet -p board --features nats
binary=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/board
export DATABASE="${DATABASE:-data/board.db}" ENGINE='nats://127.0.0.1:4222?assume_synced'
for port in 8080 8081; do
    "$binary" --no-watch --port "$port" &
    processes="$processes $!"
done
wait
