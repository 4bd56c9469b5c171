#!/usr/bin/env bash
# Makes the virtual environment named on the command line hold exactly what requirements-dev.lock says, and Tidings itself.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}

say() { printf '%s\n' "$*" >&2; }

# A version manager leaves names on PATH that only print an error, so each candidate is asked rather than believed.
find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  say "Tidings needs Python 3.11 or newer and found none on PATH (looked for python3, python3.11 … python3.14)."
  say "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), or name one: make setup PYTHON=/path/to/python3"
  return 1
}

# uv makes an environment without ensurepip, which some distributions leave out of Python.
make_venv() {
  local python=$1
  if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    uv venv --quiet --seed --python "$python" "$venv" && return
    rm -rf "$venv"
  fi
  if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    say "$python lacks ensurepip, so it cannot make a virtual environment."
    say "Mend it with one of: apt install python3-venv (Debian, Ubuntu; as root), or install uv and run this again."
    return 1
  fi
  "$python" -m venv "$venv"
}

find_uv() {
  if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    command -v uv
  elif [ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv >&2; then
    echo "$venv/bin/uv"
  fi
}

if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
  python=$(find_python)
  say "Making $venv with $("$python" --version) …"
  rm -rf "$venv"
  make_venv "$python"
fi

say "Installing what requirements-dev.lock lists …"
uv=$(find_uv || true)
export VIRTUAL_ENV=$PWD/$venv
# The certificates this machine trusts: networks that inspect TLS add their own. (Two names: older uv, newer uv.)
export UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1
if [ -n "$uv" ] && "$uv" pip sync --quiet --require-hashes --python "$venv/bin/python" requirements-dev.lock; then
  "$uv" pip install --quiet --no-deps --no-build-isolation --python "$venv/bin/python" --editable .
else
  # uv does not read pip.conf; behind a mirror that only pip knows of, pip does the same work from the same hashes.
  say "uv could not; trying pip …"
  "$venv/bin/python" -m ensurepip --upgrade >/dev/null 2>&1 || true
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
say "Ready: $("$venv/bin/python" --version) in $venv."
