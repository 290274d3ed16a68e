#!/bin/bash
# Starts the drop server. Its host key is made once and lives in a volume, so that clients see the same server again.
set -euo pipefail

key=/var/lib/drop/ssh_host_ed25519_key
if [ ! -f "$key" ]; then
  ssh-keygen -q -t ed25519 -N '' -C drop -f "$key"
fi
printf 'host key: '
ssh-keygen -l -f "$key.pub"

# sshd wants the keys owned by root and writable by nobody else, whatever the mounted file's owner is.
install -m 0644 /run/secrets/drop_authorized_keys /run/drop/authorized_keys

exec /usr/sbin/sshd -D -e
