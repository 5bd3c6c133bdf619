using System.CommandLine;
using KubeProxyNet.Cli;

var root = new RootCommand("kpn: a proxy data plane that speaks xDS v3, and a control plane that feeds it from Kubernetes manifests.")
{
    QuickstartCommand.Create(),
    RunCommand.Create(),
    ProxyCommand.Create(),
    ControlPlaneCommand.Create(),
    ValidateCommand.Create(),
    ExplainCommand.Create(),
};

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
    {
        await Console.Error.WriteLineAsync($"kpn: {error.Message}");
    }

    await Console.Error.WriteLineAsync("kpn: try 'kpn --help'");
    return ExitStatus.Usage;
}

// The commands end by themselves on a signal (see Termination): the library's own two-second limit would cut a drain short.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
