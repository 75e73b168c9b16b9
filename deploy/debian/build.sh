#!/bin/sh
# Builds artifacts/gatehouse_VERSION_ARCH.deb and artifacts/gatehouse-VERSION-linux-ARCH.tar.gz: self-contained, for machines
# without .NET. Needs the SDK, dpkg-deb and tar.
set -eu
cd "$(dirname "$0")/../.."
arch=${1:-$(dpkg --print-architecture)}
case $arch in
  amd64) runtime=linux-x64 ;;
  arm64) runtime=linux-arm64 ;;
  *) echo "build.sh: no build for $arch; use amd64 or arm64" >&2; exit 2 ;;
esac
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
out=artifacts/package
root=$out/root
rm -rf "$out"
mkdir -p "$root/DEBIAN" "$root/usr/lib/gatehouse" "$root/usr/bin" "$root/lib/systemd/system" "$root/usr/share/doc/gatehouse" "$root/etc/gatehouse"

# The lock files hold what every machine restores; a runtime of our own comes on top of that, so it is built from a copy.
source=$out/source
mkdir -p "$source/deploy" "$source/docs/reference"
cp -R src Directory.Build.props Directory.Packages.props global.json "$source/"
cp -R deploy/samples "$source/deploy/"
cp -R docs/reference/rest-api "$source/docs/reference/"
find "$source" -name packages.lock.json -delete
dotnet publish "$source/src/Gatehouse" -c Release -r "$runtime" --self-contained -o "$root/usr/lib/gatehouse" -v q -nologo \
  -p:DebugType=none
ln -s ../lib/gatehouse/gatehouse "$root/usr/bin/gatehouse"
cp deploy/systemd/*.service "$root/lib/systemd/system/"
cp LICENSE "$root/usr/share/doc/gatehouse/copyright"
cp deploy/wso2server.sh "$root/usr/share/doc/gatehouse/"
cp deploy/gatehouse.schema.json "$root/usr/share/doc/gatehouse/"

cat >"$root/DEBIAN/control" <<CONTROL
Package: gatehouse
Version: $version
Architecture: $arch
Maintainer: The Gatehouse authors <gatehouse@example.invalid>
Depends: libc6, libgcc-s1, libstdc++6, libssl3 | libssl1.1, zlib1g, ca-certificates
Section: net
Priority: optional
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Description: clustered API gateway and API manager
 Managers hold APIs and tell workers within milliseconds what to serve; a load
 balancer spreads the traffic. Successor of WSO2 API Manager clusters.
CONTROL
cat >"$root/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if ! getent passwd gatehouse >/dev/null; then
  useradd --system --user-group --home-dir /var/lib/gatehouse --shell /usr/sbin/nologin gatehouse
fi
install -d -m 0700 -o gatehouse -g gatehouse /var/lib/gatehouse
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  # A node that runs is restarted into the new build; it drains first.
  for unit in gatehouse-manager gatehouse-worker gatehouse-balancer; do
    systemctl try-restart "$unit" || true
  done
fi
POSTINST
cat >"$root/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  for unit in gatehouse-balancer gatehouse-worker gatehouse-manager; do
    systemctl stop "$unit" || true
  done
fi
PRERM
chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
dpkg-deb --build --root-owner-group "$root" "artifacts/gatehouse_${version}_$arch.deb"
tar -C "$root/usr/lib" --owner=0 --group=0 -czf "artifacts/gatehouse-$version-linux-$arch.tar.gz" gatehouse
ls -l "artifacts/gatehouse_${version}_$arch.deb" "artifacts/gatehouse-$version-linux-$arch.tar.gz"
