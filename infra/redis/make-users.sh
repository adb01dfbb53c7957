#!/bin/sh
# Makes users for Redis or Valkey with new random passwords: make-users.sh DIRECTORY [HOST:PORT]
#
#   DIRECTORY/users.acl    for the server: valkey-server infra/valkey.conf --aclfile DIRECTORY/users.acl
#   DIRECTORY/NAME.env     REDIS_URL for each kind of process, the only place where its password is
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

# The server takes neither comments nor lines that go on.
# shellcheck disable=SC2086 # the expressions are several words
sed -e ':more' -e '/\\$/{N;s/ *\\\n */ /;b more' -e '}' -e '/^#/d' -e '/^$/d' $hashes \
  "$here/users.acl" >"$directory/users.acl"
echo "$directory/users.acl and one .env file a user are written; keep them from others' eyes"
