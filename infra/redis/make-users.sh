#!/bin/sh
# Create Redis or Valkey users with random passwords: make-users.sh DIRECTORY [HOST:PORT]
#
#   DIRECTORY/users.acl    for the server: valkey-server infra/valkey.conf --aclfile DIRECTORY/users.acl
#   DIRECTORY/NAME.env     REDIS_URL of each kind of process; its password is stored nowhere else
set -eu
here=$(dirname "$0") directory=$1 place=${2:-127.0.0.1:6379}
umask 077
mkdir -p "$directory"

hashes=''
for name in gateway stt translation operator scaler; do
  password=$(openssl rand -hex 32)
  hash=$(printf %s "$password" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
  hashes="$hashes -e s/#$name\\b/#$hash/"
  echo "REDIS_URL=redis://$name:$password@$place/0" >"$directory/$name.env"
done

# An ACL file supports neither comments nor line continuations: remove the former, join the latter.
# shellcheck disable=SC2086 # $hashes is split into several sed expressions
sed -e ':more' -e '/\\$/{N;s/ *\\\n */ /;b more' -e '}' -e '/^#/d' -e '/^$/d' $hashes \
  "$here/users.acl" >"$directory/users.acl"
echo "Created $directory/users.acl and one .env file per user. Keep them secret."
