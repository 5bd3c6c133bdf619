using System.Globalization;
using KubeProxyNet.Load.Processes;

namespace KubeProxyNet.Load.Contenders;

/// <summary>The floor: it copies bytes and knows no HTTP, so it adds no header. There is one on epoll and one on io_uring.</summary>
/// <param name="name">As it is called in tables.</param>
/// <param name="source">Its source in Native/, without the ending.</param>
internal sealed class RelayContender(string name, string source) : Contender
{
    public override string Name => name;

    public override Task<string> VersionAsync(CancellationToken cancel) => Task.FromResult($"perf/Load/Native/{source}.c (copies bytes, knows no HTTP)");

    public override async Task<RunningProcess> StartAsync(ContenderSite site, CancellationToken cancel) => RunningProcess.Start(
        site.Core,
        await NativeTool.CompileAsync(source, site.Folder, cancel),
        [site.Port.ToString(CultureInfo.InvariantCulture), site.BackendPort.ToString(CultureInfo.InvariantCulture)]);
}
