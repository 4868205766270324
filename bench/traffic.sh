#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# ./dev bench traffic [OPTIONS]; by hand: bench/traffic.sh [BUILD-DIR] [OPTIONS]. --help lists the options.
here=$(dirname "$(readlink -f "$0")")
build=()
case ${1:-} in
'' | -*) ;;
*) build=(--build "$1") && shift ;;
esac
exec python3 "$here/traffic.py" "${build[@]}" "$@"
