#!/usr/bin/env bash
# Sets up the project's own Python environment in .venv: `config/setup.sh runtime` or `config/setup.sh dev`.
# Runs on Linux and macOS (bash 3.2, BSD tools). Does nothing when the environment is already the wanted one.
set -euo pipefail

cd "$(dirname "$0")/.."
kind=${1:-runtime}
venv=.venv
stamp=$venv/.muster-$kind

fail() {
  printf 'muster: %s\n' "$1" >&2
  exit 2
}

# The environment is right when it was made here, from these very files.
fingerprint() {
  pwd -P
  cksum requirements.lock requirements-dev.lock pyproject.toml config/uv.lock.txt
}

supported() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

has_ensurepip() {
  "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# Without uv on the PATH the environment needs pip of its own, to bring uv in.
find_python() {
  local candidate bare=
  for candidate in "${PYTHON:-python3.13}" python3.12 python3.11 python3; do
    supported "$candidate" || continue
    if [ -n "$system_uv" ] || has_ensurepip "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
    bare=$candidate
  done
  if [ -n "$bare" ]; then
    fail "$bare cannot make virtual environments (ensurepip is missing). Install it (Debian, Ubuntu: sudo apt-get install python3-venv), then try again."
  fi
  fail "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv; Fedora: sudo dnf install python3.12; macOS: brew install python@3.12), then try again."
}

# A moved or copied environment still names its old place in every script.
usable_venv() {
  supported "$venv/bin/python" && grep -qF "$(pwd -P)/$venv" "$venv/bin/activate" &&
    { [ -n "$system_uv" ] || [ -x "$venv/bin/uv" ] || [ -x "$venv/bin/pip" ]; }
}

make_venv() {
  local python
  python=$(find_python)
  rm -rf "$venv"
  if [ -n "$system_uv" ]; then
    "$python" -m venv --without-pip "$venv"
  else
    "$python" -m venv "$venv"
  fi
}

# uv does not read pip's configuration, where a site names its own package index.
use_pip_index() {
  local index
  index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
  if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    export UV_DEFAULT_INDEX=$index
  fi
}

# uv trusts a list of its own; a site that looks into TLS has its certificate in the system's.
use_system_certificates() {
  local bundle
  for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -s "$bundle" ]; then
      export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
    fi
  done
}

bring_uv() {
  if [ -n "$system_uv" ]; then
    uv=$system_uv
    return
  fi
  uv=$venv/bin/uv
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r config/uv.lock.txt
  use_pip_index
}

case $kind in
  runtime) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;;
  *) fail "config/setup.sh: '$kind' is neither 'runtime' nor 'dev'" ;;
esac

command -v gpg >/dev/null 2>&1 || fail "GnuPG (gpg) is needed and was not found. Install it (Debian, Ubuntu: sudo apt-get install gnupg; Fedora: sudo dnf install gnupg2; macOS: brew install gnupg), then try again."

wanted=$(fingerprint)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && supported "$venv/bin/python"; then
  exit 0
fi

printf 'Setting up the Python environment in %s (%s; about a minute the first time)\n' "$venv" "$kind"
system_uv=$(command -v uv || true)
usable_venv || make_venv
rm -f "$stamp"
bring_uv
use_system_certificates
export UV_PYTHON_DOWNLOADS=never
"$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r "$lock"
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
printf '%s\n' "$wanted" >"$stamp"
