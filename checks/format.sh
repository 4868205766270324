# SPDX-License-Identifier: BSD-3-Clause
# .clang-format holds for every C file; a directory may opt out with its own (DisableFormat: true)
python3 checks/rules.py files '*.c' '*.h' | xargs -0 -r clang-format --dry-run 2>&1 |
	sed -n 's/^\([^:]*:[0-9]*\):.*code should be clang-formatted.*/\1/p' | awk -F: '{n[$1]++; if (n[$1] == 1) l[$1] = $2}
	END {for (f in n) {print f ":" l[f] ": " n[f] " places differ; clang-format -i mends it"; bad = 1} exit bad}'
