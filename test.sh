#!/usr/bin/env bash
# Installs what the tests need when it is missing, checks the format, builds with warnings as errors, runs every test.
# The last line is the sum: "N passed, N failed, N skipped". Exits 0 only when nothing failed and something passed.
set -uo pipefail
cd "$(dirname "$0")"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Compiling what is called often a second time by how it was called takes a quarter of the processor time of processes that live so shortly.
export DOTNET_TieredPGO=0
configuration=${CONFIGURATION:-Release}
logs=artifacts/test-logs
membership=Gatehouse.Tests.Cluster
passed=0 failed=0 skipped=0

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

# A step that is no test. When it fails it counts as one failure.
step() {
  local what=$1
  shift
  say "$what"
  "$@" >"$logs/step.log" 2>&1 && return
  cat "$logs/step.log"
  say "$what: FAILED"
  failed=$((failed + 1))
  return 1
}

# Downloads fail now and then: what needs them is tried again, each time after a longer pause.
again() {
  local pause
  for pause in 5 20 60; do
    "$@" && return
    say "failed, tried again in $pause s: $*"
    sleep "$pause"
  done
  "$@"
}

# command:package of everything the cluster tests drive.
needed=(node:nodejs npm:npm nginx:nginx-light haproxy:haproxy wrk:wrk ip:iproute2 nft:nftables strace:strace pgrep:procps openssl:openssl curl:curl chromium:chromium postgres:postgresql)

install_tools() {
  local packages=() pair
  for pair in "${needed[@]}"; do
    # Debian keeps each version of PostgreSQL in a place of its own.
    PATH=$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin) command -v "${pair%%:*}" >/dev/null ||
      packages+=("${pair##*:}")
  done
  [ ${#packages[@]} -eq 0 ] && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "installing ${packages[*]}"
    if again install_packages "${packages[@]}" >"$logs/install.log" 2>&1; then
      return
    fi
    tail -5 "$logs/install.log"
  fi
  say "missing: ${packages[*]}; tests that need them are skipped. To install them: sudo apt-get install -y --no-install-recommends ${packages[*]}"
}

install_packages() {
  local options=(-o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120)
  apt-get "${options[@]}" update -q &&
    DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y --no-install-recommends "$@"
}

# Runs a test project or a part of it under a name, at most so many seconds; its counts go to a file, since it may run beside another.
run_tests() {
  local name=$1 project=$2 limit=$3 log="$logs/$1.log" status summary total bad errors skip idle good=0
  shift 3
  say "$name"
  timeout --kill-after=10 "$limit" dotnet exec "artifacts/bin/$project/${configuration,,}/$project.dll" \
    -noLogo -noColor -noAutoReporters -longRunning 60 -result-xml "$logs/$name.xml" "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  summary=$(grep -E '^ +[^ ]+ +Total: [0-9]+' "$log" | tail -1)
  count() { sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$summary"; }
  total=$(count Total) bad=$(count Failed) errors=$(count Errors) skip=$(count Skipped) idle=$(count "Not Run")
  total=${total:-0} bad=$((${bad:-0} + ${errors:-0})) skip=${skip:-0}
  if [ "$status" -eq 124 ]; then
    say "$name was not done after $limit s"
  fi
  # A run that dies, or is cut off, is a failure also when no test says so.
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    say "$name ended with status $status"
    bad=1
  fi
  if [ "$total" -gt 0 ]; then
    good=$((total - skip - bad - ${idle:-0}))
  fi
  echo "$good $bad $skip" >"$logs/$name.count"
}

# Adds what run_tests counted to the sum; a run that left no count is a failure.
add_up() {
  local good bad skip
  read -r good bad skip < <(cat "$logs/$1.count" 2>/dev/null || echo "0 1 0")
  # What failed is said once more where the end of the output is all that somebody sees.
  [ "$bad" -eq 0 ] || grep -E -A12 '\[FAIL\]$' "$logs/$1.log" | cut -c1-300
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

mkdir -p "$logs"
if ! command -v dotnet >/dev/null; then
  say "the .NET 10 SDK is missing: https://dotnet.microsoft.com/download/dotnet/10.0"
  failed=1
  finish
fi

# The build needs none of them.
install_tools &
installing=$!
export PATH=$PATH:/usr/sbin:/sbin
step "restoring tools" again dotnet tool restore &&
  step "restoring packages" again dotnet restore Gatehouse.slnx -p:Configuration="$configuration" -v q -nologo &&
  step "checking the format (to mend it: dotnet csharpier format .)" dotnet csharpier check .
step "building, warnings are errors" dotnet build Gatehouse.slnx --no-restore -c "$configuration" -v q -nologo || {
  wait "$installing"
  finish
}
wait "$installing"
rm -f "$logs"/*.count
# The browser waits for pages most of the time, and the unit tests for sockets: beside each other they take half.
run_tests browser Gatehouse.BrowserTests 1200 >"$logs/browser.out" 2>&1 &
beside=$!
run_tests unit Gatehouse.Tests 1200 -namespace- "$membership"
wait "$beside"
cat "$logs/browser.out"
# Members decide by time, so nothing that needs the processors runs beside them; they wait nearly always, so halves of them do.
run_tests restarts Gatehouse.Tests 600 -class "$membership.RestartTests" >"$logs/restarts.out" 2>&1 &
beside=$!
run_tests membership Gatehouse.Tests 600 -namespace "$membership" -class- "$membership.RestartTests"
wait "$beside"
cat "$logs/restarts.out"
run_tests cluster Gatehouse.ClusterTests 1200
for name in unit browser membership restarts cluster; do
  add_up "$name"
done
finish
