using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>
/// Somebody else's HTTP/1.1 server, in a process, a folder and on a port of its own. It writes a line for each request that it counts:
/// the request line, or what it could make of it. Killed at <see cref="DisposeAsync"/> if it still runs.
/// </summary>
internal sealed class IndependentServer : IAsyncDisposable
{
    /// <summary>The target that tells whether the server is up; not part of what it counted.</summary>
    private const string Probe = "/probe";

    private readonly TempFolder _folder;
    private readonly ChildProcess _process;

    private IndependentServer(TempFolder folder, ChildProcess process, int port)
    {
        _folder = folder;
        _process = process;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Starts it and waits until it answers. Skips the test where it is not installed.</summary>
    public static async Task<IndependentServer> StartAsync(ServerRecipe recipe)
    {
        var tool = Requires.Tool(recipe.Tool);
        var folder = new TempFolder();
        var port = FreePort.Take();
        Directory.CreateDirectory(folder.File("www"));
        var file = folder.Write(recipe.FileName, recipe.File(folder.Path, port));

        // A file as output never makes a server drop a line, as HAProxy does where a pipe is full.
        string[] command = ["-c", $"exec \"$0\" \"$@\" >> {ServerRecipe.Log}", tool, .. recipe.Arguments(file)];
        var server = new IndependentServer(folder, ChildProcess.Start("/bin/sh", command, folder.Path), port);
        await Patience.UntilAsync(server.AnswersAsync, $"{recipe.Tool} on port {port}: {server._process.Error}");
        return server;
    }

    /// <summary>Ends it and returns what it counted, in the order of its log.</summary>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        await _process.TerminateAsync();
        var lines = await File.ReadAllLinesAsync(_folder.File(ServerRecipe.Log));
        return [.. lines.Where(static line => !line.Contains($" {Probe} ", StringComparison.Ordinal))];
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"it ended with {await _process.Exited}: {_process.Output}{_process.Error}");
        }

        try
        {
            await RawHttpClient.ExchangeAsync(Port, $"GET {Probe} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
            return true;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or RawFramingException)
        {
            return false;
        }
    }
}
