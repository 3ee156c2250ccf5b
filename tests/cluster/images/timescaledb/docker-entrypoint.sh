#!/bin/bash
# What the published image's entry point does, for those parts of it that a chart relies on: it makes the cluster at the
# first start, runs /docker-entrypoint-initdb.d against a server that listens on its socket alone, then becomes the server.
# As root it takes the data folder into possession and goes on as user 70.
set -Eeuo pipefail

from_file() { # VARIABLE: its value, or that of the file which VARIABLE_FILE names
    local file="$1_FILE"
    if [ -n "${!file:-}" ]; then
        [ -z "${!1:-}" ] || { echo "$1 and $file are set, only one may be" >&2; exit 1; }
        export "$1=$(<"${!file}")"
        unset "$file"
    fi
}

make_cluster() {
    local password_file
    from_file POSTGRES_PASSWORD; from_file POSTGRES_USER; from_file POSTGRES_DB; from_file POSTGRES_INITDB_ARGS
    export POSTGRES_USER="${POSTGRES_USER:-postgres}"
    export POSTGRES_DB="${POSTGRES_DB:-$POSTGRES_USER}"
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        exit 1
    fi
    password_file=$(mktemp)
    printf '%s\n' "${POSTGRES_PASSWORD:-}" >"$password_file"
    # shellcheck disable=SC2086  # several arguments in one variable, as in the published image
    initdb --username="$POSTGRES_USER" ${POSTGRES_PASSWORD:+--pwfile="$password_file"} ${POSTGRES_INITDB_ARGS:-}
    rm "$password_file"
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption)}" >>"$PGDATA/pg_hba.conf"
    sed -i "s/^#listen_addresses.*/listen_addresses = '*'/" "$PGDATA/postgresql.conf"
}

run_first_scripts() { # the arguments that the server will have
    local script psql
    PGPASSWORD="${POSTGRES_PASSWORD:-}" pg_ctl --wait -D "$PGDATA" -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)" start
    psql=(psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB")
    if [ "$POSTGRES_DB" != postgres ]; then
        psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres -v db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'
    fi
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
        *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
        *.sql) "${psql[@]}" -f "$script" ;;
        *.sql.gz) gunzip -c "$script" | "${psql[@]}" ;;
        esac
    done
    pg_ctl --wait -D "$PGDATA" -m fast stop
    unset POSTGRES_PASSWORD
}

[[ "${1:-postgres}" == -* ]] && set -- postgres "$@"
if [ "$1" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA" /var/run/postgresql
        chmod 700 "$PGDATA"
        chown -R postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
    fi
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA" || true
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        make_cluster
        run_first_scripts "$@"
    fi
fi
exec "$@"
