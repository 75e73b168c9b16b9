#!/bin/sh
# Installs a .deb of build.sh into a clean root and runs a manager there:
#   sudo sh deploy/debian/check.sh artifacts/gatehouse_VERSION_ARCH.deb
# The root holds Debian's essential packages and what the package says it depends on, as this machine has them installed, and
# nothing else. So a dependency that is missing from its list is missing here too. Needs root, dpkg, tar, unshare and chroot;
# takes about a minute and 300 MB below TMPDIR, and leaves nothing behind.
set -eu
deb=$(readlink -f "${1:?check.sh: name the .deb}")
[ "$(id -u)" = 0 ] || { echo "check.sh: chroot needs root" >&2; exit 2; }
root=$(mktemp -d "${TMPDIR:-/tmp}/gatehouse-root-XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"

# Names of packages, with all they depend on; of alternatives the one that is installed.
closure() {
  todo=$*
  all=
  while [ -n "$todo" ]; do
    # shellcheck disable=SC2086
    set -- $todo
    package=$1
    shift
    todo=$*
    case " $all " in *" $package "*) continue ;; esac
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || continue
    all="$all $package"
    todo="$todo $(dpkg-query -W -f '${Depends}, ${Pre-Depends}\n' "$package" | names)"
  done
  echo "$all"
}
names() { tr ',|' '\n\n' | sed 's/([^)]*)//; s/:any//; s/ //g' | tr '\n' ' '; }

depends=$(dpkg-deb -f "$deb" Depends | names)
# shellcheck disable=SC2046,SC2086
packages=$(closure $(dpkg-query -W -f '${Essential} ${Package}\n' | sed -n 's/^yes //p') passwd $depends)
echo "check.sh: a root of $(echo "$packages" | wc -w) packages"

mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/triggers" "$root/dev" "$root/proc" \
  "$root/tmp" "$root/run" "$root/etc"
for package in $packages; do
  dpkg-query -s "$package"
  echo
done >"$root/var/lib/dpkg/status"
list=$root/tmp/list
for package in $packages; do dpkg -L "$package"; done | sort -u | while read -r file; do
  # Files, links, and directories without what other packages have in them.
  if [ -e "$file" ] || [ -L "$file" ]; then echo "${file#/}"; fi
done | grep -v '^\.\{0,1\}$' >"$list"
# Where /usr is merged, packages still speak of /bin.
for link in bin sbin lib lib64; do
  if [ -L "/$link" ]; then
    mkdir -p "$root/usr/$link"
    ln -s "usr/$link" "$root/$link"
    sed -i "\\:^$link\$:d; s:^$link/:usr/&:" "$list"
  fi
done
tar -C / --no-recursion -cf - -T "$list" 2>/dev/null | tar -C "$root" -xf -
for package in $packages; do
  arch=$(dpkg-query -W -f '${Architecture}' "$package")
  for info in "/var/lib/dpkg/info/$package.list" "/var/lib/dpkg/info/$package:$arch.list"; do
    if [ -f "$info" ]; then cp "$info" "$root/var/lib/dpkg/info/"; fi
  done
done
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf 'root:*:19000::::::\n' >"$root/etc/shadow"
: >"$root/etc/gshadow"
chmod 1777 "$root/tmp"
cp "$deb" "$root/tmp/gatehouse.deb"

cat >"$root/tmp/steps.sh" <<'STEPS'
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
say() { echo "check.sh: $*"; }
become() { exec setpriv --reuid gatehouse --regid gatehouse --init-groups env HOME=/var/lib/gatehouse "$@"; }
as() { (become "$@"); }

dpkg -i /tmp/gatehouse.deb >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
test "$(stat -c '%U %a' /var/lib/gatehouse)" = "gatehouse 700"
say "installed: $(gatehouse version 2>/dev/null | head -n 1)"

# Runs a command until the node answers, then tells it to stop.
serves() {
  (become "$@") >/tmp/run.log 2>&1 &
  node=$!
  tries=0
  until as gatehouse status --data /var/lib/gatehouse/manager -q >/tmp/status.log 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 120 ] || ! kill -0 $node; then cat /tmp/run.log /tmp/status.log; exit 1; fi
    sleep 1
  done
  kill -TERM $node
  wait $node || { say "it ended with $?"; tail -n 20 /tmp/run.log; exit 1; }
}

serves gatehouse init --workers 1 --data /var/lib/gatehouse/manager
test "$(stat -c '%U' /var/lib/gatehouse/manager)" = gatehouse
say "a cluster was founded, served, and stopped when it was told to"

# shellcheck disable=SC2046
serves $(sed -n 's/^ExecStart=//p' /lib/systemd/system/gatehouse-manager.service)
say "the command of the unit serves it"

dpkg -r gatehouse >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
test ! -e /usr/bin/gatehouse
test -d /var/lib/gatehouse/manager
say "removed; what it held is still there"
STEPS

# No network but a loopback of its own, no process and no mount of the machine's.
unshare --mount --net --pid --ipc --uts --fork sh -c '
  set -e
  mount --make-rprivate /
  mount -t proc proc "$1/proc"
  mount -t tmpfs tmpfs "$1/dev"
  for device in null zero random urandom; do
    : >"$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
  done
  mkdir "$1/dev/shm"
  ln -s /proc/self/fd "$1/dev/fd"
  ip link set lo up 2>/dev/null || true
  chroot "$1" sh /tmp/steps.sh
' sh "$root"

if command -v systemd-analyze >/dev/null; then
  units=$(mktemp -d)
  dpkg-deb --fsys-tarfile "$deb" | tar -C "$units" -xf - ./lib/systemd/system
  # The program is in the root that is gone.
  sed -i 's:/usr/bin/gatehouse:/bin/true:' "$units"/lib/systemd/system/*.service
  systemd-analyze verify "$units"/lib/systemd/system/*.service
  rm -rf "$units"
  echo "check.sh: systemd takes its units"
fi
echo "check.sh: good"
