# Debian packages that a script needs. To be sourced by bash:
#
#   need PACKAGE COMMAND…   notes the package, unless the command succeeds
#   install_needed          installs what was noted, as root or by sudo; asks for neither when nothing is missing

packages=()

need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || packages+=("$package")
}

install_needed() {
  [ ${#packages[@]} -gt 0 ] || return 0
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  command -v apt-get >/dev/null && command -v "${sudo[0]:-true}" >/dev/null || {
    printf 'These packages are needed, and can only be installed by apt-get as root or with sudo: %s\n' "${packages[*]}" >&2
    return 1
  }
  printf 'installing %s\n' "${packages[*]}" >&2
  "${sudo[@]}" apt-get update -q >&2
  # The packages' own services are not needed: whoever needs a server starts one by itself. This keeps them off where
  # there is no systemd; with it Debian starts them.
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends "${packages[@]}" >&2
}
