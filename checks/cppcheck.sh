# SPDX-License-Identifier: BSD-3-Clause
# cppcheck.sh - a second opinion; a place that must differ says cppcheck-suppress and why
cppcheck --enable=warning,performance,portability --inline-suppr --std=c11 --quiet -j "${JOBS:-2}" --error-exitcode=1 \
	-I include -I src --include=include/rte_config.h -D_GNU_SOURCE -DSH_PROJECT_VERSION='"x"' -D__x86_64__ -D__linux__ \
	--suppress=missingIncludeSystem --suppress=unmatchedSuppression --template='{file}:{line}: {id}: {message}' src
