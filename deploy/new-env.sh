#!/bin/sh
# Makes .env of .env.example, once, and draws the database's passwords.
#   sh deploy/new-env.sh           the rest is yours to fill in
#   sh deploy/new-env.sh sandbox   filled in for a trial beside the sandbox world
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
    echo ".env is there already and stays as it is; the database knows its passwords." >&2
    exit 1
fi

drawn() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Replaces the line of a variable, commented out or not.
fill() {
    awk -v name="$1" -v value="$2" \
        '$0 ~ "^(# )?" name "=" { print name "=" value; next } { print }' .env.new >.env.filled
    mv .env.filled .env.new
}

umask 077
cp .env.example .env.new
for name in SUPERUSER OWNER CARAVAN TEMPORAL; do
    fill "POSTGRES_${name}_PASSWORD" "$(drawn)"
done
if [ "${1:-}" = sandbox ]; then
    grep -v '^#' deploy/sandbox.env | while IFS= read -r line; do
        fill "${line%%=*}" "$(printf %s "${line#*=}" | sed "s/RANDOM/$(drawn)/")"
    done
fi
mv .env.new .env
echo ".env is made. What is blank in it must be filled in; keep it to yourself."
