#!/usr/bin/env bash
# Builds an earlier commit (default: the last one of 0.1.0) beside this tree and takes a running cluster from it to this build and
# back, node by node, under load. Needs a full clone; ./test.sh skips this test, since it costs a second build.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:-9ea5674}
work=$(mktemp -d)
trap 'git worktree remove --force "$work/source" 2>/dev/null; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/source" "$commit"
echo "building $commit"
dotnet publish "$work/source/src/Gatehouse" -c Release -o "$work/build" -v q -nologo
echo "building this tree"
dotnet build tests/Gatehouse.ClusterTests -c Release -v q -nologo
GATEHOUSE_PREVIOUS="$work/build" artifacts/bin/Gatehouse.ClusterTests/release/Gatehouse.ClusterTests \
  -class Gatehouse.ClusterTests.Clusters.UpgradeTests -noLogo -noColor -showLiveOutput
