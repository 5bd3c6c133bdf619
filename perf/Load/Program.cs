using System.Globalization;
using System.Runtime.InteropServices;
using KubeProxyNet.Load;
using KubeProxyNet.Load.Contenders;
using KubeProxyNet.Load.Reporting;
using KubeProxyNet.Load.Scenarios;
using KubeProxyNet.Load.SelfCheck;
using KubeProxyNet.Load.Soak;
using KubeProxyNet.Load.Update;

if (args is [YarpContender.Subcommand, var port, var backendPort, .. var tls])
{
    await YarpContender.HostAsync(int.Parse(port, CultureInfo.InvariantCulture), int.Parse(backendPort, CultureInfo.InvariantCulture), tls);
    return 0;
}

if (args is [UpdateOptions.Subcommand, .. var updateArguments])
{
    return await EndpointUpdate.RunAsync(updateArguments);
}

if (args is [SoakOptions.Subcommand, .. var soakArguments])
{
    return await SoakRun.RunAsync(soakArguments);
}

if (args is [GeneratorCheck.Subcommand])
{
    return await GeneratorCheck.RunAsync();
}

if (args is ["--help" or "-h", ..])
{
    Console.WriteLine($"{LoadOptions.Usage}\n\n{UpdateOptions.Usage}\n\n{GeneratorCheck.Usage}\n\n{SoakOptions.Usage}");
    return 0;
}

LoadOptions options;
try
{
    options = LoadOptions.Parse(args);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync($"{e.Message}\n\n{LoadOptions.Usage}");
    return 2;
}

// Every way out leads through the end of this block, where the children are ended and the folder is removed.
using var cancellation = new CancellationTokenSource();
void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    cancellation.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var folder = Directory.CreateTempSubdirectory("kpn-load-").FullName;
try
{
    var loadAtStart = await Report.LoadAverageAsync(cancellation.Token);
    options = await KpnBinary.EnsureAsync(options, cancellation.Token);
    var outcomes = new List<Outcome>();
    await foreach (var outcome in WholeTable.RunAsync(options, folder, cancellation.Token))
    {
        outcomes.Add(outcome);
        if (options.OutFile is { } file)
        {
            // Written anew after each scenario: what was measured stays, whatever becomes of the rest.
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, await Report.MarkdownAsync(options, outcomes, args, loadAtStart, cancellation.Token));
        }
    }

    Console.WriteLine(Report.Console(outcomes));
    if (options.OutFile is not null)
    {
        Console.WriteLine($"written: {options.OutFile}");
    }

    return 0;
}
catch (LoadException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}
catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
{
    await Console.Error.WriteLineAsync("stopped");
    return 130;
}
finally
{
    Directory.Delete(folder, recursive: true);
}
