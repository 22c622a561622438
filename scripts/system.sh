#!/usr/bin/env bash
# Make sure that a part of the system is there: scripts/system.sh venv|node|browser|broker|java
# Installs Debian packages where that is allowed (root or passwordless sudo), else says what to install.
set -euo pipefail

install() { # why, packages…
  local why=$1
  shift
  local as=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as=(sudo -n); else
      echo "Rencheng needs $why. Install it with: sudo apt-get install -y $*" >&2
      return 1
    fi
  fi
  command -v apt-get >/dev/null || { echo "Rencheng needs $why. Install the equivalent of Debian's: $*" >&2; return 1; }
  echo "installing $why: $*" >&2
  "${as[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 || {
    "${as[@]}" apt-get update -qq >/dev/null
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  }
}

case "${1:?venv, node, browser, broker or java}" in
venv)
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || install "Python 3.11 or newer" python3
  python3 -c 'import ensurepip, venv' 2>/dev/null || install "Python's venv module" python3-venv
  ;;
node)
  command -v npm >/dev/null || install "Node.js 20 or newer with npm" nodejs npm
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || {
    echo "Rencheng's page needs Node.js 20 or newer; this is $(node --version)." >&2
    exit 1
  }
  ;;
browser)
  missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  [ -d /usr/share/fonts/opentype/noto ] || missing+=(fonts-noto-cjk)
  if [ "${#missing[@]}" -gt 0 ]; then
    install "a browser with Chinese fonts for the page's tests" "${missing[@]}" || [ -z "${CI:-}" ]
  fi
  ;;
broker)
  [ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null || install "an MQTT broker for the feeds' tests" mosquitto || [ -z "${CI:-}" ]
  ;;
java)
  command -v java >/dev/null || install "Java for the tests of scale-out" openjdk-17-jre-headless || [ -z "${CI:-}" ]
  ;;
*)
  echo "scripts/system.sh: unknown part $1" >&2
  exit 2
  ;;
esac
