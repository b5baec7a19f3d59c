#!/bin/sh
# Starts the app twice over one NATS server, behind nginx, until Ctrl+C.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
nats=${KIPO_NATS_SERVER:-nats-server}

for program in "$nats" nginx; do
    command -v "$program" >/dev/null || {
        echo "$program is missing: see $here/README.md" >&2
        exit 1
    }
done

cargo build --manifest-path "$root/Cargo.toml" --release -p app --features nats
app=${CARGO_TARGET_DIR:-$root/target}/release/app

work=$(mktemp -d)
pids=
end() {
    trap - EXIT INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

cd "$work"
"$nats" -c "$here/nats.conf" >nats.log 2>&1 &
pids="$pids $!"

node() {
    "$app" --port "$1" --engine 'nats://127.0.0.1:4223?assume_synced' --data-dir "node-$1" &
    pids="$pids $!"
    echo "node at http://127.0.0.1:$1 is process $!"
}
sleep 1
node 8081
node 8082
mkdir -p logs
nginx -p "$work" -c "$here/nginx.conf" &
pids="$pids $!"
echo "nginx at http://127.0.0.1:8080"
wait
