/// Runs a command as `$user`; as who we are, when that is empty.
let asUserScript = #"""
  as_user() {
    if [ -z "$user" ]; then
      "$@"
    elif command -v setpriv >/dev/null 2>&1; then
      setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
    elif command -v runuser >/dev/null 2>&1; then
      runuser -u "$user" -- "$@"
    else
      su -s /bin/sh "$user" -c 'exec "$0" "$@"' -- "$@"
    fi
  }

  """#

/// The shell that owns a throw-away cluster.
///
/// It starts the server again for each line that it is given. It outlives the tests on purpose: it
/// reads its standard input until the end, which comes when
/// the test process ends for whatever reason (also by a crash or SIGKILL), then stops the server
/// and deletes the folder.
///
/// Arguments: folder, binaries, user (empty: stay who we are), port, authentication, superuser,
/// options for the server, and for a standby how to connect to its primary (empty: a new cluster).
/// It prints one line: `ready`, or what failed.
let supervisorScript =
  asUserScript + #"""
    trap '' INT TERM HUP
    folder=$1 binaries=$2 user=$3 port=$4 authentication=$5 superuser=$6 options=$7
    primary=$8

    finish() {
      pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null)
      if [ -n "$pid" ]; then
        kill -INT "$pid" 2>/dev/null
        tries=0
        while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
          tries=$((tries + 1))
          [ $tries -eq 50 ] && kill -QUIT "$pid" 2>/dev/null
          sleep 0.1
        done
      fi
      cd /
      rm -rf "$folder"
      exit "$1"
    }

    fail() {
      echo "$1: $(tail -n 5 "$folder/log" | tr '\n' ' ')"
      finish 1
    }

    cd "$folder" || exit 1
    initdb() {
      rm -rf "$folder/data"
      as_user "$binaries/initdb" -D "$folder/data" -U "$superuser" -A "$authentication" \
        --pwfile="$folder/password" --encoding=UTF8 --no-sync "$@" >>"$folder/log" 2>&1
    }
    as_user sh -c ': >>"$0"' "$folder/log"
    if [ -n "$primary" ]; then
      as_user "$binaries/pg_basebackup" -D "$folder/data" -d "$primary" -R -X stream -c fast \
        --no-sync >>"$folder/log" 2>&1 || fail "pg_basebackup failed"
    elif as_user "$binaries/initdb" --help 2>/dev/null | grep -q -e --locale-provider; then
      initdb --locale=C --locale-provider=icu --icu-locale=en-US || initdb --locale=C ||
        fail "initdb failed"
    else
      initdb --locale=C || fail "initdb failed"
    fi
    start() {
      as_user "$binaries/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o \
        "-p $port -k $folder -c listen_addresses=127.0.0.1 $options" start >/dev/null 2>&1 \
        </dev/null
    }
    start || fail "the server did not start"
    echo ready
    exec >/dev/null 2>&1
    while read -r word; do start; done
    finish 0
    """#
