#!/usr/bin/env bash
# Runs afl-fuzz on one parser: instruments the proxy's assembly with SharpFuzz and lets coverage guide the mutations. For runs of hours;
# CI runs the fuzzer's own mutations. Needs afl-fuzz (Debian: afl++) and a package feed that has SharpFuzz.CommandLine.
#
#   tests/Fuzz/afl.sh request|response|chunked|hpack [SECONDS] [FOLDER]
#
# What was found lies in FOLDER/out/default/crashes and .../hangs; judge such a file again, without instrumentation:
#   dotnet run --project tests/Fuzz -- file --target request FOLDER/out/default/crashes/id*
set -euo pipefail
target=${1:?"request, response, chunked or hpack"}
seconds=${2:-3600}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${3:-$(mktemp -d)}
mkdir -p "$folder"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

command -v afl-fuzz >/dev/null || { echo "afl-fuzz is missing; Debian has it in afl++"; exit 1; }
if [ ! -x "$folder/tools/sharpfuzz" ]; then
    dotnet tool install SharpFuzz.CommandLine --version 2.3.0 --tool-path "$folder/tools"
fi

# Debug, for the checks; a copy, since an instrumented assembly runs nowhere else.
dotnet build "$here/Fuzz.csproj" -c Debug -v q -p:RunAnalyzers=false
rm -rf "$folder/bin"
cp -r "$here/bin/Debug/net10.0" "$folder/bin"
"$folder/tools/sharpfuzz" "$folder/bin/KubeProxyNet.Proxy.dll" KubeProxyNet.Proxy.Http KubeProxyNet.Proxy.Filters KubeProxyNet.Proxy.Runtime.FieldForwarding
rm -rf "$folder/in"
dotnet "$here/bin/Debug/net10.0/KubeProxyNet.Fuzz.dll" corpus --target "$target" --output "$folder/in"

# Sources of threads and of recompilation are switched off: both would show as unstable coverage.
export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 DOTNET_TieredCompilation=0 DOTNET_gcConcurrent=0
timeout --preserve-status --signal INT $((seconds + 60)) \
    afl-fuzz -i "$folder/in" -o "$folder/out" -V "$seconds" -t 5000 -m none -- dotnet "$folder/bin/KubeProxyNet.Fuzz.dll" afl --target "$target" >"$folder/log" 2>&1 || { tail -20 "$folder/log"; exit 1; }

grep -E '^(execs_done|execs_per_sec|corpus_count|saved_crashes|saved_hangs|stability|bitmap_cvg)' "$folder/out/default/fuzzer_stats"
echo "in $folder"
! grep -qE '^saved_(crashes|hangs) *: *[1-9]' "$folder/out/default/fuzzer_stats"
