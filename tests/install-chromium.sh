#!/bin/sh
# Browser tests need a Chromium. Where we may install one (root on Debian) we do; elsewhere they skip and say so.
set -eu
if command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq || echo "package lists could not be refreshed; trying with the ones at hand" >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null ||
    echo "chromium could not be installed: browser tests will be skipped" >&2
else
  echo "no Chromium found: browser tests will be skipped (install the package 'chromium' to run them)" >&2
fi
