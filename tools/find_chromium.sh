#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests. Takes the virtual environment's bin folder.
set -euo pipefail
bin=$1

for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
  if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
    command -v "$name"
    exit
  fi
done
playwright_path() {
  "$bin/python" -c 'from playwright.sync_api import sync_playwright as p
with p() as x: print(x.chromium.executable_path)' 2>/dev/null
}
path=$(playwright_path || true)
if [ ! -x "$path" ]; then
  echo "No Chromium found; asking Playwright for its own …" >&2
  timeout 300 "$bin/playwright" install chromium >/dev/null 2>&1 || true
  path=$(playwright_path || true)
fi
if [ -x "$path" ]; then
  echo "$path"
  exit
fi
echo "The browser tests need Chromium and none was found or could be downloaded." >&2
echo "Install it (Debian: apt install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium), or set CHROMIUM to its path." >&2
exit 1
