#!/bin/sh
# Makes the namespace if there is none, and brings its retention in line if there is one.
set -eu
tries=60

# Asked by number, for a name that the engine has only just given is not found by everybody.
host=${TEMPORAL_ADDRESS%:*}
number=$(getent ahosts "$host" 2>/dev/null | awk '/STREAM/ && $1 ~ /\./ { print $1; exit }')
export TEMPORAL_ADDRESS="${number:-$host}:${TEMPORAL_ADDRESS##*:}"

until_it_works() {
    left=$tries
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" -eq 0 ]; then
            echo "Temporal at $TEMPORAL_ADDRESS did not do this in $tries tries: $*" >&2
            "$@"
        fi
        sleep 1
    done
}

until_it_works temporal operator cluster health
if temporal operator namespace describe --namespace "$NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$NAMESPACE" --retention "$RETENTION"
else
    temporal operator namespace create --namespace "$NAMESPACE" --retention "$RETENTION"
fi
# Every part of the server learns of a new namespace within ten seconds; workers start after that.
until_it_works temporal operator search-attribute list --namespace "$NAMESPACE"
