#!/bin/sh
# Runs cpamp in its container. Started as root, it gives what root owns in the data directory to uid 1000 (a volume of
# an earlier program just works) and goes on as that user, before Node loads and with no way back. Started as another
# user (--user), it changes nothing. Where the data cannot be written it says how to mend that.
set -eu

PROGRAM=/app/dist/bin/cpamp.js
RUN_UID=1000
RUN_GID=1000
# Folders of the container itself: never given away, whatever a variable says.
SYSTEM_DIRS='/ /app /bin /boot /dev /etc /home /lib /lib64 /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/local /var /var/lib'

data_dir=${USAGE_DATA_DIR:-}
db_path=${USAGE_DB_PATH:-}
if [ -z "$data_dir" ]; then
  if [ -n "$db_path" ]; then data_dir=$(dirname -- "$db_path"); else data_dir=./data; fi
fi
[ -n "$db_path" ] || db_path=${data_dir%/}/usage.sqlite
db_dir=$(dirname -- "$db_path")

is_system_dir() {
  for known in $SYSTEM_DIRS; do
    [ "$1" = "$known" ] && return 0
  done
  return 1
}

make_dir() {
  [ -d "$1" ] || { mkdir -p -- "$1" && chmod 0700 -- "$1"; } 2>/dev/null
}

# Gives away what root owns, and only that: files of another user stay his. Links are changed, never followed, and
# other file systems are left alone.
hand_over() {
  make_dir "$1" || return 0
  real=$(cd -P -- "$1" 2>/dev/null && pwd -P) || return 0
  is_system_dir "$real" && return 0
  # Without the right to do it (a read-only mount, dropped capabilities) the check for writing has the last word.
  find "$real" -xdev -user 0 -exec chown -h "$RUN_UID:$RUN_GID" {} + 2>/dev/null || :
}

refuse() {
  owner=$(stat -c 'uid %u, gid %g, mode %a' -- "$1" 2>/dev/null) || owner='it is not there'
  uid=$(id -u)
  gid=$(id -g)
  {
    echo "cpamp: $1 cannot be written by uid $uid ($owner)."
    echo "On the host, for the directory or volume that is mounted there:  chown -R $uid:$gid DIRECTORY"
    echo "Or start the container with --user and the uid that owns it. A mount with :ro must lose that."
  } >&2
  exit 1
}

# A file that is there must be writable too: a database of root's in a directory of ours would fail much later.
check_writable() {
  for dir in "$data_dir" "$db_dir"; do
    if ! make_dir "$dir" || [ ! -w "$dir" ] || [ ! -x "$dir" ]; then refuse "$dir"; fi
  done
  for file in "$db_path" "$db_path-wal" "$db_path-shm"; do
    if [ -e "$file" ] && [ ! -w "$file" ]; then refuse "$file"; fi
  done
}

# --version, --help and the like touch nothing.
case ${1:-} in
  '' | -h | --help | -V | --version | help) needs_data=no ;;
  *) needs_data=yes ;;
esac

if [ "$(id -u)" -eq 0 ]; then
  if [ "$needs_data" = yes ]; then
    hand_over "$data_dir"
    [ "$db_dir" = "$data_dir" ] || hand_over "$db_dir"
  fi
  set -- --reuid "$RUN_UID" --regid "$RUN_GID" --clear-groups --inh-caps=-all --no-new-privs -- "$0" "$@"
  if ! setpriv --reuid "$RUN_UID" --regid "$RUN_GID" --clear-groups --inh-caps=-all --no-new-privs -- true 2>/dev/null; then
    echo "cpamp: root cannot be given up here. Start the container with --user $RUN_UID:$RUN_GID." >&2
    exit 1
  fi
  exec setpriv "$@"
fi

case " $* " in
  *' serve '*) check_writable ;;
esac
exec node "$PROGRAM" "$@"
