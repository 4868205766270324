#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# demo.sh BUILD_DIR [OPTION...] - the memory demo in a runtime directory of its own; options go to the group's creator
set -u
bin=${1:?usage: demo.sh BUILD_DIR [OPTION...]}/examples/memory/memory
shift
RUNTIME_DIRECTORY=$(mktemp -d "${TMPDIR:-/tmp}/shoal-memory.XXXXXX") || exit 1
export RUNTIME_DIRECTORY
trap 'rm -rf "$RUNTIME_DIRECTORY"' EXIT
"$bin" --file-prefix memory --no-huge --memory-max 64M --mem-decay 300 --log-level error "$@"
