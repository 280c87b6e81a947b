#!/bin/sh
# Brings Temporal's two schemas to the version of its image. Harmless when they have it.
# The databases are there already: deploy/postgres/init.sql, or whoever runs the server.
set -eu
schemas=/etc/temporal/schema/postgresql/v12

bring() {
    temporal-sql-tool --db "$1" setup-schema -v 0.0
    temporal-sql-tool --db "$1" update-schema -d "$schemas/$2/versioned"
}

bring temporal temporal
bring temporal_visibility visibility
