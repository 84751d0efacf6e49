#!/usr/bin/env bash
# Builds the image where no container engine runs, and tries it: what is in it, and whether it works. For machines
# without Docker, and for a look at what `docker build .` makes. Needs root and Debian's buildah; without BASE_IMAGE also
# mmdebstrap, and takes Node.js and npm of this machine.
#
#   scripts/image.sh              builds localhost/penstock and tries it
#   BASE_IMAGE=… scripts/image.sh on a base that buildah can pull or has
#   VARIANT=cuda CUDA_IMAGE=… scripts/image.sh
set -euo pipefail
cd "$(dirname "$0")/.."

export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
IMAGE=${IMAGE:-localhost/penstock}
VARIANT=${VARIANT:-cpu}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '== %s\n' "$*" >&2; }

# Debian with the Node.js of this machine, at the paths where the official image has it.
make_base() {
  say 'making a base image'
  mmdebstrap --quiet --variant=minbase --include=ca-certificates,libstdc++6,libatomic1 bookworm "$work/base.tar"
  local container npm
  container=$(buildah from scratch)
  npm=$(readlink -f "$(command -v npm)")
  buildah add --quiet "$container" "$work/base.tar" / >/dev/null
  buildah copy --quiet "$container" "$(readlink -f "$(command -v node)")" /usr/local/bin/node >/dev/null
  buildah copy --quiet "$container" "${npm%/bin/*}" /usr/local/lib/node_modules/npm >/dev/null
  buildah run "$container" ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  buildah commit --quiet --rm "$container" localhost/penstock-base >/dev/null
}

# How this machine reaches its npm registry, for the build alone: the settings, and the certificates they name.
npm_settings() {
  local registry cafile
  registry=$(npm config get registry)
  cafile=$(npm config get cafile)
  printf 'registry=%s\n' "$registry" >"$work/npmrc"
  [ -f "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}" ] && grep -E '^//' "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}" >>"$work/npmrc" || true
  if [ -f "$cafile" ]; then
    printf 'cafile=/run/secrets/ca\n' >>"$work/npmrc"
    cp "$cafile" "$work/ca"
  else
    : >"$work/ca"
  fi
}

build() {
  say "building $IMAGE ($VARIANT)"
  buildah bud --layers --format docker --target penstock \
    --build-arg "BASE_IMAGE=$BASE_IMAGE" --build-arg "CUDA_IMAGE=${CUDA_IMAGE:-$BASE_IMAGE}" \
    --build-arg "VARIANT=$VARIANT" \
    --secret "id=npmrc,src=$work/npmrc" --secret "id=ca,src=$work/ca" --tag "$IMAGE" .
}

if [ -z "${BASE_IMAGE:-}" ]; then
  BASE_IMAGE=localhost/penstock-base
  buildah inspect --type image "$BASE_IMAGE" >/dev/null 2>&1 || make_base
fi
npm_settings
build

container=$(buildah from "$IMAGE")
root=$(buildah mount "$container")
trap 'buildah rm "$container" >/dev/null; rm -rf "$work"' EXIT
in_image() { buildah run "$container" -- "$@"; }
fail() { say "$*"; exit 1; }

say 'what is in it'
size=$(du -sm "$root" | cut -f1)
printf 'size: %s MB, node_modules %s MB\n' "$size" "$(du -sm "$root/app/node_modules" | cut -f1)"
user=$(buildah inspect --format '{{.OCIv1.Config.User}}' "$container")
printf 'user: %s\n' "$user"
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail 'the user is root, or no number'
development=$(node -e '
  const { packages } = JSON.parse(require("node:fs").readFileSync("package-lock.json", "utf8"));
  for (const [path, { dev }] of Object.entries(packages)) if (dev) console.log(path);' |
  while read -r path; do if [ -e "$root/app/$path" ]; then echo "$path"; fi; done)
[ -z "$development" ] || fail "development dependencies are in it: $development"
printf 'development dependencies: none\n'

say 'every role starts'
for role in intake dispatcher orchestrator detector sink; do
  in_image penstock "$role" --help | head -n 3
done
code=0
in_image env PENSTOCK_HTTP_HOST=0.0.0.0 penstock intake || code=$?
[ "$code" = 2 ] || fail "intake without credentials beyond loopback ended with $code, not 2"
code=0
said=$(in_image penstock up --data-dir /tmp/stack 2>&1) || code=$?
[ "$code" = 1 ] && grep --quiet 'No servers come with this installation' <<<"$said" ||
  fail "up does not say that it has no servers: $said"

say 'runs a model'
in_image penstock model check shapes --out /tmp/shapes.jpg

say 'runs a model with a read-only root, as its user'
unshare --mount bash -euc '
  mount --bind "$1" "$1"
  mount -o remount,bind,ro "$1"
  mount -t tmpfs tmpfs "$1/tmp"
  mount -t proc proc "$1/proc"
  mount --bind /dev "$1/dev"
  if chroot --userspec="$2" "$1" touch /app/written 2>/dev/null; then exit 3; fi
  cd "$1"
  chroot --userspec="$2" "$1" env -i PATH=/usr/local/bin:/usr/bin:/bin penstock model check shapes --json --out /tmp/shapes.jpg' \
  - "$root" "$user" >"$work/check.json"
grep '"ok": true' "$work/check.json"
