using System.Globalization;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Contenders;

/// <summary>The floor: it copies bytes and knows no HTTP, so it adds no header.</summary>
internal sealed class RelayContender : Contender
{
    public override string Name => "relay";

    public override Task<string> VersionAsync(CancellationToken cancel) => Task.FromResult("perf/Load/Native/relay.c (copies bytes, knows no HTTP)");

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel) => RunningProcess.Start(
        site.Core,
        await NativeTool.CompileAsync("relay", site.Folder, cancel),
        [site.Port.ToString(CultureInfo.InvariantCulture), site.BackendPort.ToString(CultureInfo.InvariantCulture)]);
}
